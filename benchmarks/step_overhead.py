"""What a step of a tiny model costs: the loop's share, against Model.fit.

One and two replicas (virtual CPU devices), one step and sixteen a call; nan where a side
fails. Both sides train
the same model on the same batches; they take turns, and the first epoch of each turn,
which traces, is not counted.

Usage: python benchmarks/step_overhead.py [--steps 400] [--epochs 3] [--rounds 2]
"""

import argparse
import json
import os
import time
from importlib import metadata

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keraunos as kr
import numpy as np
import tensorflow as tf

BATCH_SIZE = 32


def main() -> None:
    """Runs all cases, both sides in turn, and prints a table and a line of JSON."""
    options = parse()
    kr.set_cpu_devices(2)
    results = []
    print("replicas  steps/call   keraunos  model.fit   ratio   (milliseconds a step)")
    for replicas in (1, 2):
        for steps in (1, 16):
            ours: list[float] = []
            theirs: list[float] = []
            for _ in range(options.rounds):
                ours += with_keraunos(replicas, steps, options)
                theirs += with_model_fit(replicas, steps, options)
            mine, other = float(np.median(ours)), float(np.median(theirs))
            print(
                f"{replicas:8}  {steps:10}  {mine:9.3f}  {other:9.3f}  {mine / other:6.2f}"
            )
            results.append([replicas, steps, mine, other])
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    print(
        json.dumps(
            {"milliseconds": results, "options": vars(options), "versions": versions}
        )
    )


def parse() -> argparse.Namespace:
    """Reads the options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    if options.steps % 16:  # an epoch that 16 does not divide makes Model.fit fail
        parser.error("--steps must be a multiple of 16")
    return options


def batches(options: argparse.Namespace) -> tf.data.Dataset:
    """Batches in memory, all of them full."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(BATCH_SIZE * options.steps, 16)).astype("float32")
    labels = random.integers(0, 4, len(inputs)).astype("int32")
    dataset = tf.data.Dataset.from_tensor_slices((inputs, labels))
    return dataset.batch(BATCH_SIZE, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def build(steps_per_execution: int = 1) -> keras.Model:
    """Two small layers."""
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((16,)), layers.Dense(32, "relu"), layers.Dense(4, "softmax")]
    )
    model.compile(
        "adam",
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )
    return model


class EpochTimes(keras.callbacks.Callback):
    """Milliseconds a step in each epoch but the first."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.milliseconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Starts the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Stops it."""
        if epoch > 0:
            seconds = time.perf_counter() - self.started
            self.milliseconds.append(1000 * seconds / self.steps)


def with_keraunos(replicas: int, steps: int, options: argparse.Namespace) -> list[float]:
    """Our loop; the clock is the same Keras callback."""
    clock = EpochTimes(options.steps)
    trainer = kr.Trainer(
        strategy="mirrored" if replicas > 1 else "single",
        accelerator="cpu",
        devices=replicas,
        max_epochs=options.epochs + 1,
        steps_per_execution=steps,
        callbacks={"clock": clock, "progress_bar": None},
    )
    trainer.fit(build, batches(options))
    return clock.milliseconds


def with_model_fit(replicas: int, steps: int, options: argparse.Namespace) -> list[float]:
    """Keras's own, under a strategy where there are two replicas."""
    clock = EpochTimes(options.steps)
    strategy = tf.distribute.get_strategy()
    if replicas > 1:
        strategy = tf.distribute.MirroredStrategy([f"/cpu:{n}" for n in range(replicas)])
    with strategy.scope():
        model = build(steps)
    dataset = batches(options)
    try:
        model.fit(dataset, epochs=options.epochs + 1, verbose=0, callbacks=[clock])
    except tf.errors.InvalidArgumentError:
        return [float("nan")]  # Keras fails with several steps on several replicas
    return clock.milliseconds


if __name__ == "__main__":
    main()
