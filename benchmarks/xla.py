"""Measures the effect of XLA: trainer.jit_compile=false, true, and a bare compiled loop.

Trains three small models on one replica: a head with dropout on cached features, an MLP,
and a convolutional network. The bare loop is a `tf.function` with `jit_compile=True` around
a whole step including the update, on one device, without losses, metrics or checks of
Keraunos. All three sides take turns; the first epoch of each turn, which traces and
compiles, is not counted. Reports wall and CPU milliseconds per step.

Usage: python benchmarks/xla.py [--steps 60] [--rounds 2] [--models head,mlp,conv]
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from importlib import metadata

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keraunos as kr
import numpy as np
import tensorflow as tf

BATCH_SIZE = 32
CLASSES = 9
Build = Callable[[], keras.Model]
Times = list[tuple[float, float]]  # wall and CPU, in milliseconds a step


def main() -> None:
    """Runs all models, the sides in turn, and prints a table and a line of JSON."""
    options = parse()
    results = []
    print("milliseconds a step, wall (CPU)")
    print(
        f"{'model':6} {'without XLA':>18} {'with XLA':>18} {'bare loop, XLA':>18}   ratio"
    )
    for name in options.models.split(","):
        build, shape = MODELS[name]
        sides: dict[str, Times] = {"without": [], "with": [], "bare": []}
        for _ in range(options.rounds):
            sides["without"] += with_keraunos(build, shape, options.steps, False)
            sides["with"] += with_keraunos(build, shape, options.steps, True)
            sides["bare"] += bare_loop(build, shape, options.steps)
        medians = {side: np.median(times, axis=0) for side, times in sides.items()}
        cells = " ".join(f"{wall:9.3f} ({cpu:6.3f})" for wall, cpu in medians.values())
        ratio = float(medians["with"][0] / medians["without"][0])
        print(f"{name:6} {cells}  {ratio:6.2f}")
        results.append({"model": name, **{n: list(m) for n, m in medians.items()}})
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    summary = {"milliseconds": results, "options": vars(options), "versions": versions}
    print(json.dumps(summary))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--models", default="head,mlp,conv")
    return parser.parse_args()


def compiled(shape: tuple[int, ...], *layers: keras.Layer) -> keras.Model:
    """Creates a compiled classifier from layers."""
    output = keras.layers.Dense(CLASSES, "softmax")
    model = keras.Sequential([keras.Input(shape), *layers, output])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def head() -> keras.Model:
    """Builds a head with dropout on the features of a ResNet50."""
    return compiled((2048,), keras.layers.Dropout(0.2))


def mlp() -> keras.Model:
    """Builds a model with a hidden layer and without random numbers."""
    return compiled((2048,), keras.layers.Dense(256, "relu"))


def conv() -> keras.Model:
    """Builds a model of three convolutions with BatchNorm for small images."""
    layers: list[keras.Layer] = []
    for filters in (16, 32, 64):
        layers += [
            keras.layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
        ]
    return compiled((32, 32, 3), *layers, keras.layers.GlobalAveragePooling2D())


MODELS: dict[str, tuple[Build, tuple[int, ...]]] = {
    "head": (head, (2048,)),
    "mlp": (mlp, (2048,)),
    "conv": (conv, (32, 32, 3)),
}


def batches(shape: tuple[int, ...], steps: int) -> tf.data.Dataset:
    """Returns full batches in memory."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(BATCH_SIZE * 8, *shape)).astype("float32")
    labels = random.integers(0, CLASSES, len(inputs)).astype("int32")
    dataset = tf.data.Dataset.from_tensor_slices((inputs, labels))
    return dataset.batch(BATCH_SIZE, drop_remainder=True).cache().repeat().take(steps)


class Clock(keras.callbacks.Callback):
    """Measures wall and CPU milliseconds per step of each epoch except the first."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.times: Times = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Starts the clocks."""
        self.started = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Stops the clocks."""
        if epoch > 0:
            now = time.perf_counter(), time.process_time()
            wall, cpu = (b - a for a, b in zip(self.started, now, strict=True))
            self.times.append((1000 * wall / self.steps, 1000 * cpu / self.steps))


def with_keraunos(
    build: Build, shape: tuple[int, ...], steps: int, jit_compile: bool
) -> Times:
    """Trains with Keraunos."""
    clock = Clock(steps)
    trainer = kr.Trainer(
        strategy="single",
        accelerator="cpu",
        max_epochs=3,
        jit_compile=jit_compile,
        callbacks={"clock": clock, "progress_bar": None},
    )
    if not trainer.fit(build, batches(shape, steps)).is_finished:
        raise KeyboardInterrupt  # an interrupt ends only the fit
    return clock.times


def bare_loop(build: Build, shape: tuple[int, ...], steps: int) -> Times:
    """Trains with a compiled step and nothing else."""
    model, clock = build(), Clock(steps)
    variables = model.trainable_variables
    model.optimizer.build(variables)

    @tf.function(jit_compile=True)
    def step(inputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            outputs = model(inputs, training=True)
            losses = keras.losses.sparse_categorical_crossentropy(labels, outputs)
            loss = tf.reduce_mean(losses)
        model.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    for epoch in range(3):
        clock.on_epoch_begin(epoch)
        for inputs, labels in batches(shape, steps):
            loss = step(inputs, labels)
        float(loss)
        clock.on_epoch_end(epoch)
    return clock.times


if __name__ == "__main__":
    main()
