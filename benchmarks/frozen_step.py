"""Compares images per second with Model.fit in training a head on a frozen ResNet50.

Both sides train the same model on the same batches in memory. They take turns, and the
first epoch of each turn, which traces, is not counted.

Usage: python benchmarks/frozen_step.py [--image-size 224] [--batch-size 32] [--steps 6]
       [--epochs 2] [--rounds 2]
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


def main() -> None:
    """Runs both sides in turn and prints a table and a line of JSON."""
    options = parse()
    speeds: dict[str, list[float]] = {"keraunos": [], "model.fit": []}
    dataset = batches(options)
    for _ in range(options.rounds):
        speeds["keraunos"] += with_keraunos(dataset, options)
        speeds["model.fit"] += with_model_fit(dataset, options)
    medians = {side: float(np.median(values)) for side, values in speeds.items()}
    for side, value in medians.items():
        print(f"{side:10} {value:8.2f} images/s  {value / medians['model.fit']:.2f} x")
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    result = {"images_per_second": medians, "all": speeds, "options": vars(options)}
    print(json.dumps(result | {"versions": versions}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    return parser.parse_args()


def batches(options: argparse.Namespace) -> tf.data.Dataset:
    """Returns noise in memory, because the content does not affect the speed."""
    random = np.random.default_rng(0)
    size, count = options.image_size, options.batch_size * options.steps
    pixels = random.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    labels = random.integers(0, 9, count).astype("int32")
    dataset = tf.data.Dataset.from_tensor_slices((pixels, labels))
    return dataset.batch(options.batch_size).prefetch(tf.data.AUTOTUNE)


def module(options: argparse.Namespace) -> kr.TransferClassifier:
    """Creates the module with random weights."""
    return kr.TransferClassifier(9, image_size=options.image_size, weights=None)


class EpochSpeeds(keras.callbacks.Callback):
    """Measures images per second of each epoch except the first."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.speeds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Starts the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Stops the clock."""
        if epoch > 0:
            self.speeds.append(self.count / (time.perf_counter() - self.started))


def with_keraunos(dataset: tf.data.Dataset, options: argparse.Namespace) -> list[float]:
    """Trains with Keraunos, timed by the same Keras callback."""
    clock = EpochSpeeds(options.batch_size * options.steps)
    trainer = kr.Trainer(
        strategy="single",
        max_epochs=options.epochs + 1,
        callbacks={"clock": clock, "progress_bar": None},
    )
    if not trainer.fit(module(options), dataset).is_finished:
        raise KeyboardInterrupt  # an interrupt ends only the fit
    return clock.speeds


def with_model_fit(dataset: tf.data.Dataset, options: argparse.Namespace) -> list[float]:
    """Trains with `Model.fit`."""
    clock = EpochSpeeds(options.batch_size * options.steps)
    model = module(options).build()
    model.fit(dataset, epochs=options.epochs + 1, verbose=0, callbacks=[clock])
    return clock.speeds


if __name__ == "__main__":
    main()
