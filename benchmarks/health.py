"""What looking into steps costs, when a step is looked into and when it is not.

A sample: every second step of a fit is looked into, each in a call of its own, so that the
two kinds take turns step by step in one process; the difference of their medians is what a
sample costs, TensorBoard's file included. Beside it stands what part that is of 50 steps of
50 ms. Steps that are not looked into: fits with and without the callback in turns, 16 steps
a call. Intervals are from a bootstrap over the steps, or over the epochs.

Usage: python benchmarks/health.py [--steps 200] [--rounds 4]
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
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

EVERY, STEP_MS = 50, 50.0  # what a sample's cost is compared with
SILENT = dict.fromkeys(("progress_bar", "pictures", "model_checkpoint", "metrics_log"))
Numbers = npt.NDArray[np.float64]


class StepTimes(Callback):
    """Milliseconds of each step."""

    def __init__(self) -> None:
        self.looked: list[float] = []
        self.others: list[float] = []
        self._ended: float | None = None

    def on_train_step_end(self, run: RunState) -> None:
        """Takes down how long the step took, but for the first ones, which trace."""
        now = time.perf_counter()
        if self._ended is not None and run.step > 20:
            kind = self.looked if run.health.step == run.step else self.others
            kind.append(1000 * (now - self._ended))
        self._ended = now


class EpochTimes(Callback):
    """Milliseconds of a step, for each epoch but the first."""

    def __init__(self) -> None:
        self.milliseconds: list[float] = []

    def on_epoch_end(self, run: RunState) -> None:
        """Takes down how long the epoch took."""
        if run.epoch > 1:
            self.milliseconds.append(1000 * run.metrics["seconds"] / run.step * run.epoch)


def head() -> keras.Model:
    """A head on features."""
    layers = keras.layers
    return compiled([keras.Input((512,)), layers.Dense(64, "relu"), layers.Dense(9)])


def dense() -> keras.Model:
    """Ten million weights in eight variables."""
    layers = [keras.layers.Dense(1800, "relu") for _ in range(3)]
    return compiled([keras.Input((512,)), *layers, keras.layers.Dense(9)])


def resnet() -> keras.Model:
    """A whole ResNet50: 23.5 million weights in 214 variables, 160 of which train."""
    network = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg"
    )
    shaped = [keras.layers.Dense(3072), keras.layers.Reshape((32, 32, 3))]
    return compiled([keras.Input((512,)), *shaped, network, keras.layers.Dense(9)])


def compiled(layers: list[Any]) -> keras.Model:
    """A classifier of these layers."""
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
    for name, build in MODELS.items():
        samples[name] = cost = cost_of_sample(build, options.steps)
        part = [100 * each / (EVERY * STEP_MS) for each in cost]
        print(
            f"{name:20} {cost[0]:8.2f} [{cost[1]:.2f}, {cost[2]:.2f}] "
            f"  {part[0]:.3f} % [{part[1]:.3f}, {part[2]:.3f}]"
        )
    steps = cost_between(options.rounds)
    print(f"between samples, head: {steps['without']:.4f} ms a step without the callback,")
    print("with it {:+.4f} [{:+.4f}, {:+.4f}] ms".format(*steps["more"]))
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    result = {"sample_ms": samples, "between": steps}
    print(json.dumps(result | {"options": vars(options), "versions": versions}))


def parse() -> argparse.Namespace:
    """Reads the options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=4)
    return parser.parse_args()


def cost_of_sample(build: Callable[[], keras.Model], steps: int) -> list[float]:
    """Milliseconds that a sample adds to its step, with a 95 % interval."""
    times = StepTimes()
    fit(build, steps, 1, {"health": Health(every_n_steps=2), "times": times})
    return difference(np.array(times.looked), np.array(times.others))


def cost_between(rounds: int) -> dict[str, Any]:
    """Milliseconds of a step without the callback, and how many more with it."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(rounds):
        for looks in (False, True):
            times = EpochTimes()
            health = Health(every_n_steps=2000) if looks else None
            fit(head, 400, 5, {"health": health, "times": times}, steps_per_execution=16)
            found[looks] += times.milliseconds
    with_it, without = np.array(found[True]), np.array(found[False])
    return {"without": float(np.median(without)), "more": difference(with_it, without)}


def fit(
    build: Callable[[], keras.Model],
    steps: int,
    epochs: int,
    callbacks: dict[str, Any],
    **options: Any,
) -> None:
    """Trains once, in a directory that is removed."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(8 * steps, 512)).astype(np.float32)
    labels = random.integers(0, 9, 8 * steps)
    data = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(8)
    with tempfile.TemporaryDirectory() as folder:
        board = TensorBoard(pictures=False)
        kr.Trainer(
            strategy="single",
            accelerator="cpu",
            max_epochs=epochs,
            run_dir=Path(folder) / "run",
            callbacks={**SILENT, "tensorboard": board, **callbacks},
            export=False,
            **options,
        ).fit(build, data)


def difference(ours: Numbers, theirs: Numbers) -> list[float]:
    """Of medians, with the ends of its 95 % interval."""
    random = np.random.default_rng(0)

    def medians(values: Numbers) -> Numbers:
        drawn: Numbers = np.median(random.choice(values, (2000, len(values))), axis=1)
        return drawn

    low, high = np.quantile(medians(ours) - medians(theirs), (0.025, 0.975))
    return [float(np.median(ours) - np.median(theirs)), float(low), float(high)]


if __name__ == "__main__":
    main()
