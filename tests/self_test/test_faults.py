"""Each verdict turns red for the fault that it is there to find.

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
def landed() -> list[str]:
    """Filled by a fault when it takes place."""
    return []


@pytest.fixture
def two(tmp_path: Path) -> CheckSettings:
    """On two replicas."""
    return CheckSettings(DeviceLayout("CPU", parts=2), epochs=1, folder=tmp_path)


@pytest.fixture
def one(tmp_path: Path) -> CheckSettings:
    """On one device."""
    return CheckSettings(DeviceLayout("CPU"), epochs=1, folder=tmp_path)


def first_value(strategy: Any, values: Any) -> Any:
    """Of a structure, what the first replica has."""
    if isinstance(values, dict):
        return {name: first_value(strategy, each) for name, each in values.items()}
    return strategy.experimental_local_results(values)[0]


def with_options(settings: CheckSettings, **options: Any) -> CheckSettings:
    return CheckSettings(**{**settings.__dict__, "options": options})


@pytest.mark.nightly
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_dividing_by_the_count_of_one_replica_is_noticed(
    precision, two, landed, monkeypatch
):
    original = train.sums_on_devices

    def local_count(strategy: Any, sums: Any, repeats: Any) -> list[Any]:
        own = first_value(strategy, sums.denominators)
        landed.append("traced")
        added = original(strategy, sums, repeats)
        return [each._replace(denominators=own) for each in added]

    monkeypatch.setattr(train, "sums_on_devices", local_count)
    settings = with_options(two, precision=precision)
    assert replicas_agree.measure(settings).status == "failed"
    assert landed


@pytest.mark.nightly
def test_a_compiled_pass_that_computes_something_else_is_noticed(one, landed, monkeypatch):
    original = CompiledPass.__call__

    def wrong(self: CompiledPass, *arguments: Any) -> Any:
        landed.append("traced")
        result = original(self, *arguments)
        gradients = {
            divisor: [2.0 * first, *others]
            for divisor, (first, *others) in result.gradients.items()
        }
        return result._replace(gradients=gradients)

    monkeypatch.setattr(CompiledPass, "__call__", wrong)
    assert xla_agrees.measure(one).status == "failed"
    assert landed


@pytest.mark.nightly
def test_a_sum_of_one_replica_is_noticed(two, landed, monkeypatch):
    def local_sum(strategy: Any, values: Any) -> Any:
        landed.append("traced")
        return first_value(strategy, values)

    monkeypatch.setattr(all_reduce, "MEGABYTES", (0.1, 0.2))
    assert all_reduce.measure(two).status == "passed"
    monkeypatch.setattr(all_reduce, "sum_over_replicas", local_sum)
    assert all_reduce.measure(two).status == "failed"
    assert landed


@pytest.mark.nightly
def test_a_run_that_begins_anew_is_noticed(two, landed, monkeypatch):
    original = kill_and_resume._train_and_die

    def lose_checkpoints(settings: CheckSettings) -> int:
        code = original(settings)
        run = settings.folder / kill_and_resume.RUN
        landed.extend(path.name for path in (run / "checkpoints").glob("step-*"))
        shutil.rmtree(run)
        return code

    monkeypatch.setattr(kill_and_resume, "_train_and_die", lose_checkpoints)
    verdict = kill_and_resume.measure(two)
    assert verdict.status == "failed"
    assert verdict.figures["resumed_at_step"] == 0
    assert landed


@pytest.mark.nightly
def test_a_run_that_is_resumed_with_other_dropout_is_noticed(two, landed, monkeypatch):
    original = train.set_seeds

    def other_seed(model: Any, seed: int, step: Any) -> None:
        replicas = two.layout.replicas  # each traces once in a fit
        is_resumed_run = len(landed) < replicas
        landed.append("traced")
        original(model, seed + is_resumed_run, step)

    monkeypatch.setattr(train, "set_seeds", other_seed)
    verdict = kill_and_resume.measure(two)
    assert verdict.figures["resumed_at_step"] > 0
    assert verdict.status == "failed"
    assert len(landed) > two.layout.replicas


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("fault", "noticed"),
    [
        ("the same step", "changes with the step"),
        ("no seeds", "differs between replicas"),
    ],
)
def test_random_numbers_that_stand_still_are_noticed(
    fault, noticed, two, landed, monkeypatch
):
    original = train.set_seeds

    def frozen(model: Any, seed: int, step: Any) -> None:
        landed.append("traced")
        if fault == "the same step":
            original(model, seed, 0 * step)

    monkeypatch.setattr(train, "set_seeds", frozen)
    verdict = randomness.measure(two)
    assert verdict.status == "failed"
    assert noticed in verdict.summary
    assert landed


@pytest.mark.nightly
def test_features_that_are_not_those_of_the_network_are_noticed(one, landed, monkeypatch):
    original = FeatureCache.features

    def stale(self: FeatureCache, images: Any) -> Any:
        landed.append("computed")
        features = np.array(original(self, images))
        # Those of one version alone: a run itself looks at the first.
        return features * 1.01 if len(landed) == 2 else features

    monkeypatch.setattr(FeatureCache, "features", stale)
    assert cached_features.measure(one).status == "failed"
    assert landed


@pytest.mark.nightly
def test_kept_images_that_are_not_those_of_the_files_are_noticed(one, landed, monkeypatch):
    original = TrainingSplit.arrays

    def changed_later(self: TrainingSplit, draws: Any) -> Any:
        landed.append("read")
        arrays = original(self, draws)
        is_first_pass = len(landed) <= 2
        return arrays | {"images": arrays["images"] + np.uint8(not is_first_pass)}

    monkeypatch.setattr(input, "IMAGES", {"CPU": 64})
    monkeypatch.setattr(TrainingSplit, "arrays", changed_later)
    assert input.measure(one).status == "failed"
    assert len(landed) > 2


@pytest.mark.nightly
def test_fits_that_leave_memory_behind_are_noticed(one, landed, monkeypatch):
    original = memory.trainer_for

    def leaking(*arguments: Any, **options: Any) -> Any:
        landed.append("x" * 2**23)
        return original(*arguments, **options)

    monkeypatch.setattr(memory, "trainer_for", leaking)
    assert memory.measure(one).status == "failed"
    assert landed


class Slow(Callback):
    """Makes each step take ten times what it takes at most."""

    def __init__(self, landed: list[str]) -> None:
        self.landed = landed

    def on_train_step_end(self, run: Any) -> None:
        self.landed.append("waited")
        time.sleep(0.05)


@pytest.mark.nightly
def test_a_step_that_takes_long_is_slow(one, landed, monkeypatch):
    original = sides.trainer_for

    def slower(
        settings: CheckSettings, replicas: int, callbacks: Any, **options: Any
    ) -> Any:
        callbacks = callbacks | {"slow": Slow(landed)}
        return original(settings, replicas, callbacks, **options)

    monkeypatch.setattr(step_overhead, "STEPS", 8)
    monkeypatch.setattr(sides, "trainer_for", slower)
    verdict = step_overhead.measure(one)
    assert verdict.status == "slow"
    assert landed


@pytest.mark.parametrize(
    ("ours", "bare", "status"),
    [(1.0, 1.0, "passed"), (1.0, 0.95, "passed"), (1.3, 1.0, "slow")],
)
def test_training_that_takes_longer_than_a_bare_loop_is_slow(
    ours, bare, status, one, monkeypatch
):
    times = {sides.OURS: [ours] * 3, sides.BARE: [9.0, bare, bare], sides.FIT: [2.0] * 3}
    monkeypatch.setattr(throughput, "time_in_turns", lambda sides: times)
    settings = with_options(one, is_frozen=True, precision="float32", uses_xla=False)
    verdict = throughput.measure(settings)
    assert verdict.status == status
    images = 16 * 4 * throughput.FROZEN_STEPS
    assert verdict.figures["keraunos_images_per_second"] == images / ours
    assert verdict.figures["of_model_fit"] == 2.0 / ours
