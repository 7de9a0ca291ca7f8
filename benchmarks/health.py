"""Measures the cost of health sampling, for steps that are sampled and steps that are not.

The position mark, from which other threads read the progress of a call to the devices, is
written twice per step: calls of many tiny steps with and without it take turns.

A sample: the work around a sampled step, including writing for TensorBoard, is repeated
around an empty step in a fit of each model, and reported in relation to 50 steps of 50 ms.
Whole fits of the smallest model with and without the callback take turns in one process,
with 16 steps per call. Times are CPU times of the process, which depend less on the load of
the machine than wall-clock time. Intervals are from a bootstrap over samples or epochs.

Usage: python benchmarks/health.py [--samples 60] [--rounds 4] [--models head]
"""

import argparse
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keraunos as kr
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keraunos.callbacks import Callback, Health, RunState, TensorBoard
from keraunos.trainer.step.position_mark import PositionMark

EVERY, STEP_MS = 50, 50.0  # the cost of a sample is compared with these steps
AT_STEP = 4
SILENT = dict.fromkeys(("progress_bar", "figures", "model_checkpoint", "metrics_log"))
Numbers = npt.NDArray[np.float64]


class Samples(Callback):
    """Measures CPU milliseconds of samples around an empty step, within a fit."""

    def __init__(self, count: int, board: TensorBoard) -> None:
        self.milliseconds: list[float] = []
        self._count = count
        self._board = board

    def on_train_step_end(self, run: RunState) -> None:
        """Takes all samples at one step; the first, which traces, is not counted."""
        if run.step != AT_STEP:
            return
        probe = run.engine.training.health  # type: ignore[union-attr]
        for _ in range(self._count + 1):
            started = time.process_time()
            with probe.measuring(run):
                pass
            run.health.step = run.step
            self._board.on_train_step_end(run)
            self.milliseconds.append(1000 * (time.process_time() - started))
        del self.milliseconds[0]


class EpochTimes(Callback):
    """Measures CPU milliseconds per step in each epoch except the first."""

    every_n_steps = None

    def __init__(self) -> None:
        self.milliseconds: list[float] = []
        self._ended: float | None = None

    def on_epoch_end(self, run: RunState) -> None:
        """Records the duration of the epoch."""
        now = time.process_time()
        if self._ended is not None:
            steps = run.steps_per_epoch or 1
            self.milliseconds.append(1000 * (now - self._ended) / steps)
        self._ended = now


class NoMark(PositionMark):
    """A position mark that writes nothing."""

    @contextlib.contextmanager
    def waiting_for_data(self) -> Iterator[None]:
        """Writes nothing."""
        yield

    def has_data(self, parts: Any) -> None:
        """Writes nothing."""


def head() -> keras.Model:
    """Builds a head on features."""
    layers = keras.layers
    return compiled([keras.Input((512,)), layers.Dense(64, "relu"), layers.Dense(9)])


def dense() -> keras.Model:
    """Builds a model with ten million weights in eight variables."""
    layers = [keras.layers.Dense(1800, "relu") for _ in range(3)]
    return compiled([keras.Input((512,)), *layers, keras.layers.Dense(9)])


def resnet() -> keras.Model:
    """Builds a model with ResNet50: 23.5 million weights."""
    network = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg"
    )
    shaped = [keras.layers.Dense(3072), keras.layers.Reshape((32, 32, 3))]
    return compiled([keras.Input((512,)), *shaped, network, keras.layers.Dense(9)])


def compiled(layers: list[Any]) -> keras.Model:
    """Creates a compiled classifier from layers."""
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e-3), loss)
    return model


MODELS = {"head": head, "ten million weights": dense, "ResNet50": resnet}


def main() -> None:
    """Measures, prints tables, and a line of JSON."""
    options = parse()
    samples = {}
    print(f"{'':20} {'a sample: ms':>24}   of 50 steps of 50 ms")
    for name in options.models:
        samples[name] = cost = cost_of_sample(MODELS[name], options.samples)
        part = [100 * each / (EVERY * STEP_MS) for each in cost]
        print(
            f"{name:20} {cost[0]:8.2f} [{cost[1]:.2f}, {cost[2]:.2f}] "
            f"  {part[0]:.3f}% [{part[1]:.3f}, {part[2]:.3f}]"
        )
    mark = cost_of_mark(options.rounds)
    print(f"a tiny step: {mark['without']:.4f} ms without the mark,")
    part = [100 * each / STEP_MS for each in mark["more"]]
    print("with it {:+.4f} [{:+.4f}, {:+.4f}] ms;".format(*mark["more"]))
    print("of a step of 50 ms {:.4f}% [{:.4f}, {:.4f}]".format(*part))
    steps = cost_between(options.rounds)
    print(f"head, whole fits: {steps['without']:.4f} ms a step without the callback,")
    print("with it {:+.4f} [{:+.4f}, {:+.4f}] ms".format(*steps["more"]))
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    result = {"sample_ms": samples, "mark": mark, "between": steps}
    print(json.dumps(result | {"options": vars(options), "versions": versions}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--rounds", type=int, default=4)
    return parser.parse_args()


def cost_of_sample(build: Callable[[], keras.Model], count: int) -> list[float]:
    """Returns CPU milliseconds per sample, with a 95% interval."""
    board = TensorBoard(images=False)
    samples = Samples(count, board)
    health = Health(every_n_steps=AT_STEP)
    fit(build, AT_STEP, 1, {"health": health, "tensorboard": board, "samples": samples})
    return difference(np.array(samples.milliseconds), np.zeros(1))


def cost_between(rounds: int) -> dict[str, Any]:
    """Returns CPU milliseconds per step without the callback, and the increase with it."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(rounds):
        for looks in (False, True):
            times = EpochTimes()
            health = Health(every_n_steps=EVERY) if looks else None
            board = TensorBoard(images=False)
            callbacks = {"health": health, "tensorboard": board, "times": times}
            fit(head, 400, 5, callbacks, steps_per_execution=16)
            found[looks] += times.milliseconds
    with_it, without = np.array(found[True]), np.array(found[False])
    return {"without": float(np.median(without)), "more": difference(with_it, without)}


def cost_of_mark(rounds: int) -> dict[str, Any]:
    """Returns CPU milliseconds per step without the mark, and the increase with it.

    Calls of 1000 tiny steps each take turns.
    """
    steps, found = 1000, {True: [], False: []}
    calls = {True: tiny_steps(PositionMark(), steps), False: tiny_steps(NoMark(), steps)}
    for turn in range(25 * rounds):
        for marked in (True, False) if turn % 2 else (False, True):
            started = time.process_time()
            calls[marked]()
            if turn:  # the first traces
                found[marked].append(1000 * (time.process_time() - started) / steps)
    with_it, without = np.array(found[True]), np.array(found[False])
    return {"without": float(np.median(without)), "more": difference(with_it, without)}


def tiny_steps(mark: PositionMark, steps: int) -> Callable[[], Any]:
    """Returns a traced call of many steps, each of which multiplies a batch by a matrix."""
    batch = tf.random.normal((8, 64), seed=0)
    iterator = iter(tf.data.Dataset.from_tensors(batch).repeat())
    weights = tf.Variable(tf.eye(64))

    @tf.function
    def call() -> tf.Tensor:
        total = tf.zeros(())
        mark.begin(tf.zeros((), tf.int64))
        for _ in tf.range(steps):
            with mark.waiting_for_data():
                given = next(iterator)
            mark.has_data(given)
            total += tf.reduce_sum(given @ weights)
        return total

    return call


def fit(
    build: Callable[[], keras.Model],
    steps: int,
    epochs: int,
    callbacks: dict[str, Any],
    **options: Any,
) -> None:
    """Trains once, in a temporary directory."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(8 * steps, 512)).astype(np.float32)
    labels = random.integers(0, 9, 8 * steps)
    data = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(8)
    with tempfile.TemporaryDirectory() as folder:
        kr.Trainer(
            strategy="single",
            accelerator="cpu",
            max_epochs=epochs,
            run_dir=Path(folder) / "run",
            callbacks={**SILENT, **callbacks},
            export=False,
            **options,
        ).fit(build, data)


def difference(ours: Numbers, theirs: Numbers) -> list[float]:
    """Returns the difference of medians, and the ends of its 95% interval."""
    random = np.random.default_rng(0)

    def medians(values: Numbers) -> Numbers:
        drawn: Numbers = np.median(random.choice(values, (2000, len(values))), axis=1)
        return drawn

    low, high = np.quantile(medians(ours) - medians(theirs), (0.025, 0.975))
    return [float(np.median(ours) - np.median(theirs)), float(low), float(high)]


if __name__ == "__main__":
    main()
