"""A small run with everything that has state, to be interrupted and compared."""

import contextlib
import dataclasses
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from helpers import examples, replicas
from keraunos import Trainer
from keraunos.callbacks import Callback, EarlyStopping, Health, ModelCheckpoint
from keraunos.core.bundle import read_bundle
from keraunos.core.signals import stop_signals
from one_trace import one_trace
from tensorboard.compat.proto.event_pb2 import Event

EPOCHS, STEPS = 3, 4
TIMES = ("seconds", "images_per_second", "examples_per_second", "data_wait_seconds")
SAMPLED_TIMES = ("input_wait_seconds", "device_seconds", "input_wait_share")
Optimizer = Callable[[], keras.optimizers.Optimizer]


def build(optimizer: Optimizer) -> Callable[[], keras.Model]:
    """A model with everything that has state: dropout, BatchNorm and metrics."""

    def make() -> keras.Model:
        model = keras.Sequential(
            [
                keras.Input((5,)),
                keras.layers.Dense(4, "tanh"),
                keras.layers.BatchNormalization(),
                keras.layers.Dropout(0.2),
                keras.layers.Dense(3, "softmax"),
            ]
        )
        model.compile(optimizer(), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return make


OPTIMIZERS: dict[str, Optimizer] = {
    "Adam": lambda: keras.optimizers.Adam(0.05),
    "accumulation": lambda: keras.optimizers.SGD(
        0.1, momentum=0.9, gradient_accumulation_steps=3
    ),
    "EMA": lambda: keras.optimizers.AdamW(0.05, use_ema=True, ema_overwrite_frequency=3),
    "loss scale": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(0.05), initial_scale=64.0, dynamic_growth_steps=3
    ),
    "schedule": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.CosineDecay(0.1, EPOCHS * STEPS)
    ),
}


def dataset(seed: int = 0, batch_size: int = 4) -> tf.data.Dataset:
    """Three batches of four and one of two."""
    return tf.data.Dataset.from_tensor_slices(examples(14, seed=seed)).batch(batch_size)


def shuffled(batch_size: int = 4) -> tf.data.Dataset:
    """The same examples, in another order in each epoch, whatever ran before."""
    tf.random.set_seed(0)
    whole = tf.data.Dataset.from_tensor_slices(examples(14, seed=0))
    return whole.shuffle(14, seed=1).batch(batch_size)


class Sender(Callback):
    """Sends this process a signal at a hook, once, and counts the signals sent."""

    def __init__(self, hook: str, at_step: int, number: int = signal.SIGTERM) -> None:
        self.sent = 0

        def send(run: Any, *args: Any) -> None:
            if run.step == at_step and not self.sent:
                self.sent += 1
                signal.raise_signal(number)

        setattr(self, hook, send)

    def on_train_step_end(self, run: Any) -> None:
        """Defined, so that the loop returns after every step."""


def fit(
    directory: Path,
    *extra: Callback,
    optimizer: str = "Adam",
    count: int = 1,
    batch_size: int = 4,
    describe_only: bool = False,
    fresh: bool = False,
    health: int = 50,
    train: tf.data.Dataset | None = None,
    **options: Any,
) -> Any:
    """Trains, resuming from the directory; or describes what that would do.

    Args:
        directory: The run directory.
        extra: Callbacks in addition to those of all runs.
        optimizer: Its name in `OPTIMIZERS`.
        count: Number of replicas.
        batch_size: Batch size of training.
        describe_only: Whether to describe only.
        fresh: Whether to build and trace again, as a new process would. Others share
            a model, so that their result has none.
        health: Interval of sampled steps.
        train: Training data; by default that of `shuffled`.
        options: Options of the Trainer.
    """
    callbacks = {
        "health": Health(every_n_steps=health),
        "early_stopping": EarlyStopping("val_accuracy", patience=5, mode="max"),
        "keras_plateau": keras.callbacks.ReduceLROnPlateau(
            "loss", factor=0.5, patience=2, min_delta=10.0
        ),
        "model_checkpoint": ModelCheckpoint("val_loss", every_n_steps=3, save_top_k=2),
        "progress_bar": None,
        "figures": None,
        **{f"extra_{number}": each for number, each in enumerate(extra)},
    }
    own_trace = fresh or not _CHANGES_TRACE.isdisjoint(options)
    trace = (
        contextlib.nullcontext()
        if own_trace
        else one_trace(count, optimizer, options.get("jit_compile", False), health)
    )
    with trace as strategy:
        trainer = Trainer(
            strategy=strategy or replicas(count),
            run_dir=directory,
            callbacks=callbacks,
            **{"max_epochs": EPOCHS, "check_replicas": False, **options},
        )
        do = trainer.describe if describe_only else trainer.fit
        model = build(OPTIMIZERS[optimizer])
        result: Any = do(
            model, train or shuffled(batch_size), validation_data=dataset(seed=1)
        )
    return result if own_trace or describe_only else dataclasses.replace(result, model=None)


# Options on which a model or its trace depends.
_CHANGES_TRACE = {"seed", "precision", "sync_batch_norm", "deterministic", "check_replicas"}


def fit_alone(directory: Path) -> int:
    """Trains as the program of a process; returns its exit code."""
    fit(directory)
    return 0


class Waits(Callback):
    """Stays at step 7 until the process ends; prints `ready` and the received signal."""

    def on_train_step_end(self, run: Any) -> None:
        if run.step != 7:
            return
        while not (run.checkpoint_dir / "step-00000006-mid-epoch").exists():
            time.sleep(0.01)
        with stop_signals() as stop:  # that of the fit, which this is within
            print("ready", flush=True)
            while stop.received is None:
                time.sleep(0.01)
            print(stop.received.name, flush=True)
            time.sleep(600)


def fit_until_ended(directory: Path) -> int:
    """Trains until step 7, and waits there, as the program of a process."""
    fit(directory, Waits())
    return 0


def state(directory: Path) -> dict[str, Any]:
    """Everything that two equal runs have in common."""
    last = directory / "checkpoints" / read(directory / "checkpoints" / "last.txt")
    bundle = read_bundle(last)
    history = bundle.documents["state"]["history"]
    for name in TIMES:
        history.pop(name, None)
    callbacks = bundle.documents["state"]["callbacks"]
    for label in [each for each in callbacks if each.startswith("extra_")]:
        callbacks.pop(label)
    for label in ("health", "tensorboard"):  # some findings are about times
        callbacks.get(label, {}).pop("standing", None)
    for values in _sampled(callbacks.get("health", {})):
        for name in SAMPLED_TIMES:
            values.pop(name, None)
    return {
        "arrays": bundle.arrays,
        "documents": bundle.documents,
        "metrics": [without_times(line) for line in lines(directory)],
        "best": read(directory / "checkpoints" / "best.txt"),
        "checkpoints": sorted(p.name for p in (directory / "checkpoints").iterdir()),
        "events": events(directory),
    }


def _sampled(health: dict[str, Any]) -> list[dict[str, float]]:
    """All values by name in the state of the callback."""
    return [*health.get("newest", []), health.get("sums", {})]


def read(path: Path) -> str:
    return path.read_text().strip()


def lines(directory: Path) -> list[dict[str, Any]]:
    text = (directory / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def without_times(values: dict[str, Any]) -> dict[str, Any]:
    """Everything except what depends on the machine."""
    return {name: value for name, value in values.items() if not _varies(name)}


def _varies(name: str) -> bool:
    return (
        name in TIMES
        or name.startswith("memory_gib/")
        or name.removeprefix("health/") in SAMPLED_TIMES
    )


def events(directory: Path) -> list[tuple[str, int, str, float]]:
    """Part, step, name and value of each scalar, as TensorBoard would read them.

    Values that depend on the machine are left out, but their steps are kept.
    """
    found = []
    for part in ("train", "validation"):
        for file in sorted((directory / "tensorboard" / part).iterdir(), key=_written):
            for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
                event = Event.FromString(record)
                for value in event.summary.value:
                    number = (
                        0.0 if _varies(value.tag) else float(tf.make_ndarray(value.tensor))
                    )
                    found.append((part, event.step, value.tag, number))
    return found


def _written(file: Path) -> int:
    """The time of the last write: two processes may create files in the same second."""
    return file.stat().st_mtime_ns


def assert_equal(ours: Any, theirs: Any) -> None:
    assert ours.keys() == theirs.keys()
    for group in theirs["arrays"]:
        got, expected = ours["arrays"][group], theirs["arrays"][group]
        assert got.keys() == expected.keys()
        for name in expected:
            if (group, name) == ("epoch", "totals"):
                continue  # holds waiting times
            np.testing.assert_array_equal(got[name], expected[name], f"{group} {name}")
    for name in set(theirs) - {"arrays"}:
        assert ours[name] == theirs[name], name
