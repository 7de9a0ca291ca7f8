"""Measures how much time the feature cache saves in training a head on a frozen ResNet50.

Three sides take turns on the same images, which are decoded in advance:

- keras: `Model.fit` as in tutorials, with random flips, rotation and zoom in the model;
- uncached: Keraunos, which runs the backbone in every epoch;
- cached: Keraunos with one version of each image and an initially empty feature cache.

Usage: python benchmarks/feature_cache.py [--image-size 64] [--epochs 10] [--rounds 1]
       [--train FOLDER] [--views 1]
"""

import argparse
import json
import os
import tempfile
import time
from importlib import metadata
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keraunos as kr
import numpy as np
import tensorflow as tf


def main() -> None:
    """Runs all sides and prints a table and a line of JSON."""
    options = parse()
    seconds: dict[str, list[float]] = {"keras": [], "uncached": [], "cached": []}
    losses: dict[str, float] = {}
    for _ in range(options.rounds):
        for side, run in SIDES.items():
            with tempfile.TemporaryDirectory() as cache:
                data = images(options, cache)
                started = time.perf_counter()
                losses[side] = run(data, options)
                seconds[side].append(time.perf_counter() - started)
    report(options, seconds, losses)


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--train", default="synthetic:lesions")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    return parser.parse_args()


def images(options: argparse.Namespace, cache_dir: str) -> kr.ImageData:
    """Reads the images into memory, with an empty feature cache."""
    return kr.ImageData.from_folder(
        options.train,
        image_size=options.image_size,
        batch_size=32,
        cache="memory",
        on_conflict="drop",
        augmentation=kr.Augmentation(strength=0.5, views=options.views),
        cache_dir=cache_dir,
    )


def with_keras(data: kr.ImageData, options: argparse.Namespace) -> float:
    """Trains the model of tutorials with `Model.fit`; returns the last validation loss."""
    train, validation = (as_dataset(split) for split in (data.train, data.validation))
    size = options.image_size
    backbone = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(size, size, 3)
    )
    backbone.trainable = False
    inputs = keras.Input((size, size, 3))
    varied = inputs
    for layer in (
        keras.layers.RandomFlip(),
        keras.layers.RandomRotation(0.2),
        keras.layers.RandomZoom(0.2),
    ):
        varied = layer(varied)
    maps = backbone(keras.applications.resnet.preprocess_input(varied), training=False)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    head = keras.layers.Dense(data.num_classes, "softmax")
    model = keras.Model(inputs, head(keras.layers.Dropout(0.2)(pooled)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    shuffled = train.shuffle(data.train.num_examples).batch(32).prefetch(tf.data.AUTOTUNE)
    history = model.fit(
        shuffled,
        validation_data=validation.batch(32).prefetch(tf.data.AUTOTUNE),
        epochs=options.epochs,
        verbose=0,
    ).history
    return float(history["val_loss"][-1])


def as_dataset(split: Any) -> tf.data.Dataset:
    """Returns the images of a split as a dataset of arrays in memory."""
    places = np.arange(split.num_examples)
    return tf.data.Dataset.from_tensor_slices((split.images(places), split.labels))


def with_keraunos(mode: str) -> Any:
    """Returns a function that trains with Keraunos, with or without the feature cache."""

    def run(data: kr.ImageData, options: argparse.Namespace) -> float:
        module = kr.TransferClassifier(
            data.num_classes, image_size=options.image_size, weights=None
        )
        trainer = kr.Trainer(
            strategy="single",
            max_epochs=options.epochs,
            feature_cache=mode,
            callbacks={"progress_bar": None},
        )
        result = trainer.fit(module, data)
        if not result.is_finished:
            raise KeyboardInterrupt  # an interrupt ends only the fit
        return float(result.history["val_loss"][-1])

    return run


SIDES = {
    "keras": with_keras,
    "uncached": with_keraunos("off"),
    "cached": with_keraunos("on"),
}


def report(
    options: argparse.Namespace, seconds: dict[str, list[float]], losses: dict[str, float]
) -> None:
    """Prints medians and ratios."""
    medians = {side: float(np.median(values)) for side, values in seconds.items()}
    for side, value in medians.items():
        ratio = value / medians["cached"]
        loss = losses[side]
        print(f"{side:9} {value:8.1f} s  {ratio:5.1f} x  last val_loss {loss:.3f}")
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    print(json.dumps({"seconds": medians, "options": vars(options), "versions": versions}))


if __name__ == "__main__":
    main()
