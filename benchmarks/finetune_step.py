"""Measures images per second of fine-tuning all of ResNet50 on one and two replicas.

The two replicas are virtual CPU devices that share all cores: they do the same arithmetic,
half a batch each, so that a ratio below 1.0 is the cost of two replicas. `Model.fit` trains
the same model on one. All take turns; reports medians over rounds, except for the first,
which traces. Also reports CPU seconds, for busy machines.

`--threads` limits the threads within operations (0: the number of cores), which all devices
of a process share.

Usage: python benchmarks/finetune_step.py [--image-size 96] [--batch-size 16] [--steps 6]
           [--rounds 3] [--sides 1 2 fit] [--threads 0]
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

SIDES = ("1", "2", "fit")


class EpochTimes(keras.callbacks.Callback):
    """Measures wall-clock and CPU seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[tuple[float, float]] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Starts the clocks."""
        self.started = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Stops the clocks."""
        clock, cpu = self.started
        self.epochs.append((time.perf_counter() - clock, time.process_time() - cpu))


def main() -> None:
    """Trains each side in turn, and prints a table and a line of JSON."""
    options = parse()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    kr.set_cpu_devices(2)
    medians = {side: measure(side, options) for side in options.sides}
    images = options.batch_size * options.steps
    results = {
        side: {"images_per_second": images / clock, "cpu_seconds_per_image": cpu / images}
        for side, (clock, cpu) in medians.items()
    }
    print(f"{'side':<6} {'images a second':>16} {'CPU seconds an image':>22}")
    for side, each in results.items():
        print(f"{side:<6} {each['images_per_second']:16.2f}", end="")
        print(f" {each['cpu_seconds_per_image']:22.4f}")
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    print(json.dumps({"sides": results, "options": vars(options), "versions": versions}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=6, help="in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sides", nargs="+", default=list(SIDES), choices=SIDES)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--network", default="ResNet50", help="of keras.applications")
    return parser.parse_args()


def measure(side: str, options: argparse.Namespace) -> tuple[float, float]:
    """Returns the median wall-clock and CPU seconds of an epoch."""
    clock = EpochTimes()
    epochs = options.rounds + 1

    def build() -> keras.Model:
        shape = (options.image_size, options.image_size, 3)
        network = getattr(keras.applications, options.network)
        model = network(weights=None, input_shape=shape, classes=9)
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    if side == "fit":
        build().fit(batches(options), epochs=epochs, verbose=0, callbacks=[clock])
    else:
        trainer = kr.Trainer(
            strategy="mirrored" if side == "2" else "single",
            accelerator="cpu",
            devices=int(side),
            max_epochs=epochs,
            steps_per_execution=options.steps,
            check_replicas=False,
            callbacks={"clock": clock, "progress_bar": None},
        )
        if not trainer.fit(build, batches(options)).is_finished:
            raise KeyboardInterrupt  # an interrupt ends only the fit
    keras.backend.clear_session()
    return tuple(np.median(clock.epochs[1:], axis=0).tolist())


def batches(options: argparse.Namespace) -> tf.data.Dataset:
    """Returns the same noise in memory for all sides."""
    random = np.random.default_rng(0)
    count, size = options.batch_size * options.steps, options.image_size
    inputs = random.uniform(0, 255, (count, size, size, 3)).astype("float32")
    labels = random.integers(0, 9, count).astype("int32")
    return tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(options.batch_size)


if __name__ == "__main__":
    main()
