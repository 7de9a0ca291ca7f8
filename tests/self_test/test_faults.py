"""Each check fails for the fault that it is meant to detect.

Checks run in this process, on its virtual devices, with a fault in what they measure; each
test makes sure that the fault took place.
"""

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keraunos.callbacks import Callback
from keraunos.data.training_split import TrainingSplit
from keraunos.features.cache import FeatureCache
from keraunos.self_test.check import CheckSettings
from keraunos.self_test.checks import (
    all_reduce,
    cached_features,
    input,
    kill_and_resume,
    memory,
    randomness,
    replicas_agree,
    sides,
    step_overhead,
    throughput,
    xla_agrees,
)
from keraunos.self_test.device_layout import DeviceLayout
from keraunos.trainer.step import train
from keraunos.trainer.step.compiled_pass import CompiledPass


@pytest.fixture
def fault_log() -> list[str]:
    """Filled by a fault when it occurs."""
    return []


@pytest.fixture
def two_replicas(tmp_path: Path) -> CheckSettings:
    """Settings for two replicas."""
    return CheckSettings(DeviceLayout("CPU", parts=2), epochs=1, folder=tmp_path)


@pytest.fixture
def one_device(tmp_path: Path) -> CheckSettings:
    """Settings for one device."""
    return CheckSettings(DeviceLayout("CPU"), epochs=1, folder=tmp_path)


def first_value(strategy: Any, values: Any) -> Any:
    """The values of a structure on the first replica."""
    if isinstance(values, dict):
        return {name: first_value(strategy, each) for name, each in values.items()}
    return strategy.experimental_local_results(values)[0]


def with_options(settings: CheckSettings, **options: Any) -> CheckSettings:
    return CheckSettings(**{**settings.__dict__, "options": options})


@pytest.mark.nightly
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_dividing_by_the_count_of_one_replica_is_detected(
    precision, two_replicas, fault_log, monkeypatch
):
    original = train.sums_on_devices

    def local_count(strategy: Any, sums: Any, repeats: Any) -> list[Any]:
        own = first_value(strategy, sums.denominators)
        fault_log.append("traced")
        added = original(strategy, sums, repeats)
        return [each._replace(denominators=own) for each in added]

    monkeypatch.setattr(train, "sums_on_devices", local_count)
    settings = with_options(two_replicas, precision=precision)
    assert replicas_agree.measure(settings).status == "failed"
    assert fault_log


@pytest.mark.nightly
def test_wrong_gradients_of_the_compiled_pass_are_detected(
    one_device, fault_log, monkeypatch
):
    original = CompiledPass.__call__

    def wrong(self: CompiledPass, *arguments: Any) -> Any:
        fault_log.append("traced")
        result = original(self, *arguments)
        gradients = {
            divisor: [2.0 * first, *others]
            for divisor, (first, *others) in result.gradients.items()
        }
        return result._replace(gradients=gradients)

    monkeypatch.setattr(CompiledPass, "__call__", wrong)
    assert xla_agrees.measure(one_device).status == "failed"
    assert fault_log


@pytest.mark.nightly
def test_all_reduce_that_returns_only_the_local_sum_is_detected(
    two_replicas, fault_log, monkeypatch
):
    def local_sum(strategy: Any, values: Any) -> Any:
        fault_log.append("traced")
        return first_value(strategy, values)

    monkeypatch.setattr(all_reduce, "MEGABYTES", (0.1, 0.2))
    assert all_reduce.measure(two_replicas).status == "passed"
    monkeypatch.setattr(all_reduce, "sum_over_replicas", local_sum)
    assert all_reduce.measure(two_replicas).status == "failed"
    assert fault_log


@pytest.mark.nightly
def test_run_that_starts_over_instead_of_resuming_is_detected(
    two_replicas, fault_log, monkeypatch
):
    original = kill_and_resume._train_and_die

    def lose_checkpoints(settings: CheckSettings) -> int:
        code = original(settings)
        run = settings.folder / kill_and_resume.RUN
        fault_log.extend(path.name for path in (run / "checkpoints").glob("step-*"))
        shutil.rmtree(run)
        return code

    monkeypatch.setattr(kill_and_resume, "_train_and_die", lose_checkpoints)
    verdict = kill_and_resume.measure(two_replicas)
    assert verdict.status == "failed"
    assert verdict.figures["resumed_at_step"] == 0
    assert fault_log


@pytest.mark.nightly
def test_run_resumed_with_different_dropout_masks_is_detected(
    two_replicas, fault_log, monkeypatch
):
    original = train.set_seeds

    def other_seed(model: Any, seed: int, step: Any) -> None:
        replicas = two_replicas.layout.replicas  # each traces once in a fit
        is_resumed_run = len(fault_log) < replicas
        fault_log.append("traced")
        original(model, seed + is_resumed_run, step)

    monkeypatch.setattr(train, "set_seeds", other_seed)
    verdict = kill_and_resume.measure(two_replicas)
    assert verdict.figures["resumed_at_step"] > 0
    assert verdict.status == "failed"
    assert len(fault_log) > two_replicas.layout.replicas


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("fault", "noticed"),
    [
        ("the same step", "changes with the step"),
        ("no seeds", "differs between replicas"),
    ],
)
def test_constant_or_unseeded_random_numbers_are_detected(
    fault, noticed, two_replicas, fault_log, monkeypatch
):
    original = train.set_seeds

    def frozen(model: Any, seed: int, step: Any) -> None:
        fault_log.append("traced")
        if fault == "the same step":
            original(model, seed, 0 * step)

    monkeypatch.setattr(train, "set_seeds", frozen)
    verdict = randomness.measure(two_replicas)
    assert verdict.status == "failed"
    assert noticed in verdict.summary
    assert fault_log


@pytest.mark.nightly
def test_wrong_cached_features_are_detected(one_device, fault_log, monkeypatch):
    original = FeatureCache.features

    def stale(self: FeatureCache, images: Any) -> Any:
        fault_log.append("computed")
        features = np.array(original(self, images))
        # Only those of one version: a run itself checks the first.
        return features * 1.01 if len(fault_log) == 2 else features

    monkeypatch.setattr(FeatureCache, "features", stale)
    assert cached_features.measure(one_device).status == "failed"
    assert fault_log


@pytest.mark.nightly
def test_wrong_cached_images_are_detected(one_device, fault_log, monkeypatch):
    original = TrainingSplit.arrays

    def changed_later(self: TrainingSplit, draws: Any) -> Any:
        fault_log.append("read")
        arrays = original(self, draws)
        is_first_pass = len(fault_log) <= 2
        return arrays | {"images": arrays["images"] + np.uint8(not is_first_pass)}

    monkeypatch.setattr(input, "IMAGES", {"CPU": 64})
    monkeypatch.setattr(TrainingSplit, "arrays", changed_later)
    assert input.measure(one_device).status == "failed"
    assert len(fault_log) > 2


@pytest.mark.nightly
def test_memory_leak_between_fits_is_detected(one_device, fault_log, monkeypatch):
    original = memory.trainer_for

    def leaking(*arguments: Any, **options: Any) -> Any:
        fault_log.append("x" * 2**23)
        return original(*arguments, **options)

    monkeypatch.setattr(memory, "trainer_for", leaking)
    assert memory.measure(one_device).status == "failed"
    assert fault_log


class Slow(Callback):
    """Makes each step compute for ten times its limit: on a busy machine, sleep is free."""

    def __init__(self, fault_log: list[str]) -> None:
        self.landed = fault_log

    def on_train_step_end(self, run: Any) -> None:
        self.landed.append("computed")
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass


@pytest.mark.nightly
def test_long_step_is_rated_slow(one_device, fault_log, monkeypatch):
    original = sides.trainer_for

    def slower(
        settings: CheckSettings, replicas: int, callbacks: Any, **options: Any
    ) -> Any:
        callbacks = callbacks | {"slow": Slow(fault_log)}
        return original(settings, replicas, callbacks, **options)

    monkeypatch.setattr(step_overhead, "STEPS", 8)
    monkeypatch.setattr(sides, "trainer_for", slower)
    verdict = step_overhead.measure(one_device)
    assert verdict.status == "slow"
    assert fault_log


@pytest.mark.parametrize(
    ("ours", "bare", "status"),
    [(1.0, 1.0, "passed"), (1.0, 0.95, "passed"), (1.3, 1.0, "slow")],
)
def test_training_slower_than_a_bare_loop_is_rated_slow(
    ours, bare, status, one_device, monkeypatch
):
    times = {sides.OURS: [ours] * 3, sides.BARE: [9.0, bare, bare], sides.FIT: [2.0] * 3}
    monkeypatch.setattr(throughput, "time_in_turns", lambda sides: times)
    settings = with_options(one_device, is_frozen=True, precision="float32", uses_xla=False)
    verdict = throughput.measure(settings)
    assert verdict.status == status
    images = 16 * 4 * throughput.FROZEN_STEPS
    assert verdict.figures["keraunos_images_per_second"] == images / ours
    assert verdict.figures["of_model_fit"] == 2.0 / ours
