"""When a fit validates, how short it may be, and what happens on an error."""

import functools
import json
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import examples, largest_difference, replicas, weights_of
from keraunos import OutOfMemoryError, Trainer
from keraunos.callbacks import Callback, EarlyStopping, ModelCheckpoint
from keraunos.core.bundle import read_bundle
from keraunos.trainer.guards.out_of_memory import memory_advice
from one_trace import one_trace
from resumable_runs import OPTIMIZERS, Sender, assert_equal, build, dataset, fit, state

EVERY = {"validate_every_n_steps": 3}


class Seen(Callback):
    """Records the step of each validation, and the loss that it measured."""

    every_n_steps = None

    def reset(self) -> None:
        self.values: list[tuple[int, float]] = []
        self.reached: set[str] = set()

    def on_epoch_begin(self, run: Any) -> None:
        self.reached.add("training")

    def on_validation_end(self, run: Any) -> None:
        self.values.append((run.step, run.metrics["val_loss"]))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Creates a run with options once; tests must not write to its `run_dir`."""

    @functools.cache
    def known(**options: int) -> Any:
        return fit(tmp_path_factory.mktemp("undisturbed"), **options)

    return known


def steps(seen: Seen) -> list[int]:
    return [step for step, _ in seen.values]


@pytest.mark.slow
@pytest.mark.feature("validation frequency")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"validate_every_n_epochs": 2}, [8]),
        ({"validate_every_n_epochs": 9}, []),
        (EVERY, [3, 4, 6, 8, 9, 12]),
        ({"validate_every_n_epochs": 9, "validate_every_n_steps": 4}, [4, 8, 12]),
    ],
)
def test_validation_runs_at_the_configured_steps_and_epochs(
    options: dict[str, Any], expected: list[int], tmp_path: Path
) -> None:
    seen = Seen()
    result = fit(tmp_path, seen, **options)
    assert steps(seen) == expected
    lengths = {name: len(values) for name, values in result.history.items()}
    assert set(lengths.values()) == {3}
    at_ends = [step for step in expected if step % 4 == 0]
    values = result.history.get("val_loss", [np.nan] * 3)
    assert [4 * (n + 1) for n in np.flatnonzero(np.isfinite(values))] == at_ends


@pytest.mark.feature("validation frequency")
@pytest.mark.slow
def test_validation_between_steps_does_not_change_training(undisturbed: Any) -> None:
    plain, often = undisturbed(), undisturbed(**EVERY)
    assert plain.history["loss"] == often.history["loss"]
    assert plain.history["accuracy"] == often.history["accuracy"]
    arrays = [state(each.run_dir)["arrays"] for each in (plain, often)]
    for name in ("weights", "optimizer", "metrics"):
        np.testing.assert_equal(arrays[0][name], arrays[1][name])


@pytest.mark.slow
def test_best_checkpoint_may_come_from_validation_between_steps(undisturbed: Any) -> None:
    result = undisturbed(**EVERY)
    values = {line["step"]: line["val_loss"] for line in between(result.run_dir)}
    values |= {4 * n: value for n, value in enumerate(result.history["val_loss"], start=1)}
    assert len(values) == 6
    best = min(values, key=values.__getitem__)
    assert best % 4  # not the end of an epoch
    assert result.best_checkpoint.name == f"step-{best:08d}-mid-epoch"


def between(directory: Path) -> list[dict[str, Any]]:
    lines = (directory / "validations.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.slow
def test_interruption_around_mid_epoch_validation_keeps_the_result(
    undisturbed: Any, tmp_path: Path
) -> None:
    whole = undisturbed(**EVERY).run_dir
    for hook in ("on_train_step_end", "on_validation_begin"):
        sender = Sender(hook, 6)
        assert fit(tmp_path, sender, **EVERY).signal == signal.SIGTERM
        assert sender.sent == 1
    assert fit(tmp_path, **EVERY).is_finished
    assert_equal(state(tmp_path), state(whole))
    assert between(tmp_path) == between(whole)
    assert [line["step"] for line in between(whole)] == [3, 6, 9]


@pytest.mark.nightly
def test_checkpoint_of_mid_epoch_validation_keeps_training_metrics(
    tmp_path: Path,
) -> None:
    whole, cut, every = tmp_path / "whole", tmp_path / "cut", {"validate_every_n_steps": 2}
    fit(whole, count=2, **every)
    with pytest.raises(LookupError):
        fit(cut, Fails("on_train_step_end", 11), count=2, **every)
    saved = cut / "checkpoints" / "step-00000010-mid-epoch"
    counted = read_bundle(saved).arrays["metrics"]
    assert 8 in {float(values.sum()) for values in counted.values()}  # two steps of four
    assert fit(cut, count=2, **every).is_finished
    assert_equal(state(cut), state(whole))


@pytest.mark.feature("sanity validation")
def test_sanity_validation_raises_errors_before_the_first_step(tmp_path: Path) -> None:
    def broken() -> Any:
        yield from [examples(4)[:2]]
        raise LookupError("the second batch")

    spec = tf.data.Dataset.from_tensors(examples(4)[:2]).element_spec
    faulty = tf.data.Dataset.from_generator(broken, output_signature=spec)
    faulty = faulty.apply(tf.data.experimental.assert_cardinality(2))
    seen = Seen()
    trainer = Trainer(
        strategy=replicas(1), sanity_validation_batches=2, callbacks=[seen], max_epochs=1
    )
    with pytest.raises(tf.errors.OpError, match="the second batch"):
        trainer.fit(build(OPTIMIZERS["Adam"]), dataset(), validation_data=faulty)
    assert not seen.reached


@pytest.mark.feature("sanity validation")
@pytest.mark.slow
def test_sanity_validation_does_not_change_the_result(
    undisturbed: Any, tmp_path: Path
) -> None:
    seen = Seen()
    fit(tmp_path, seen, sanity_validation_batches=1)
    checked, plain = state(tmp_path), state(undisturbed().run_dir)
    for each in (checked, plain):
        each["documents"]["settings"]["trainer"].pop("sanity_validation_batches")
    assert_equal(checked, plain)
    assert steps(seen) == [4, 8, 12]


@pytest.mark.feature("overfit batches")
@pytest.mark.slow
def test_overfit_batches_are_memorized_and_used_for_validation(tmp_path: Path) -> None:
    def epochs(epoch: int, start_batch: int) -> tf.data.Dataset:
        return dataset(seed=epoch).skip(start_batch)

    trainer = Trainer(strategy=replicas(1), max_epochs=25, overfit_batches=1)
    history = trainer.fit(build(lambda: keras.optimizers.Adam(0.1)), epochs).history
    assert max(history["val_accuracy"]) == 1.0
    assert min(history["val_loss"]) < 0.1 < history["val_loss"][0]


@pytest.mark.feature("minimum epochs")
@pytest.mark.slow
def test_no_callback_stops_a_run_before_min_epochs() -> None:
    def fit_with(callback: Any, **options: Any) -> Any:
        with one_trace(1, "Adam") as strategy:
            trainer = Trainer(
                strategy=strategy, max_epochs=6, callbacks=[callback], **options
            )
            return trainer.fit(build(OPTIMIZERS["Adam"]), dataset())

    ours = EarlyStopping("loss", patience=1, mode="max")
    theirs = keras.callbacks.EarlyStopping("loss", patience=1, mode="max")
    for callback in (ours, theirs):
        lengths = [
            len(fit_with(callback, min_epochs=fewest).history["loss"]) for fewest in (0, 4)
        ]
        assert lengths == [2, 4]


def test_max_steps_ends_a_run_before_min_epochs(tmp_path: Path) -> None:
    result = fit(tmp_path, min_epochs=3, max_steps=5)
    assert result.stop_reason == "max_steps=5 is reached"
    assert len(result.history["loss"]) == 2


class Fails(Callback):
    """Raises an error at a hook, once."""

    def __init__(self, hook: str, at_step: int) -> None:
        def fail(run: Any, *args: Any) -> None:
            if run.step == at_step:
                raise LookupError("on purpose")

        setattr(self, hook, fail)

    def on_train_step_end(self, run: Any) -> None:
        """Defined, so that the loop returns after every step."""


def saving(directory: Path, *extra: Callback) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Weights and history of a fit that saves on exceptions."""
    callbacks = {
        "model_checkpoint": ModelCheckpoint(save_on_exception=True),
        "progress_bar": None,
        "figures": None,
        "tensorboard": None,
        **{f"extra_{n}": each for n, each in enumerate(extra)},
    }
    with one_trace(1, "Adam") as strategy:
        trainer = Trainer(
            strategy=strategy, max_epochs=3, run_dir=directory, callbacks=callbacks
        )
        model = build(OPTIMIZERS["Adam"])
        result = trainer.fit(model, dataset(), validation_data=dataset(1))
    return weights_of(result.model), result.history


@pytest.mark.feature("save on exception")
@pytest.mark.slow
def test_save_on_exception_resumes_where_the_error_occurred(tmp_path: Path) -> None:
    for hook, step in (("on_train_step_end", 6), ("on_validation_end", 8)):
        with pytest.raises(LookupError, match="on purpose"):
            saving(tmp_path / "cut", Fails(hook, step))
        assert read_bundle(tmp_path / "cut" / "checkpoints" / f"step-{step:08d}-mid-epoch")
    resumed, whole = saving(tmp_path / "cut"), saving(tmp_path / "whole")
    assert largest_difference(resumed[0], whole[0]) == 0
    assert resumed[1]["val_loss"] == whole[1]["val_loss"]


@pytest.mark.slow
def test_error_within_a_step_saves_no_checkpoint(tmp_path: Path) -> None:
    def broken() -> Any:
        yield from [examples(4)[:2]] * 6
        raise LookupError("the seventh batch")

    spec = tf.data.Dataset.from_tensors(examples(4)[:2]).element_spec
    faulty = tf.data.Dataset.from_generator(broken, output_signature=spec)
    faulty = faulty.apply(tf.data.experimental.assert_cardinality(9))
    checkpoint = ModelCheckpoint(save_on_exception=True)
    trainer = Trainer(run_dir=tmp_path, strategy=replicas(1), callbacks=[checkpoint])
    with pytest.raises(tf.errors.OpError, match="the seventh batch"):
        trainer.fit(build(OPTIMIZERS["Adam"]), faulty)
    assert not list((tmp_path / "checkpoints").glob("step-*"))


@pytest.mark.feature("out of memory")
def test_full_disk_is_not_mistaken_for_out_of_memory() -> None:
    full = tf.errors.ResourceExhaustedError(None, None, "No space left on device")
    with pytest.raises(tf.errors.ResourceExhaustedError), memory_advice("float32", None):
        raise full
    with pytest.raises(OutOfMemoryError) as error, memory_advice("mixed_float16", None):
        raise MemoryError("no room")
    assert "mixed precision" not in str(error.value)
    assert "gradient_accumulation_steps" in str(error.value)
    of_eight = SimpleNamespace(batch_size=8)
    with pytest.raises(OutOfMemoryError) as error, memory_advice("float32", of_eight):
        raise MemoryError("no room")
    settings = "data.batch_size=4 optimizer.gradient_accumulation_steps=2"
    assert f"Try {settings}, which trains on as many" in str(error.value)
