"""Measures the cost of callbacks per step: none, the default ones, and all of them.

Trains a tiny model on tiny images on one CPU device, so that steps are as short as
possible. The sides take turns in one process; the first epoch of each turn, which traces,
is not counted. The time between the steps of two epochs (validation, images, files) is
reported separately.

Usage: python benchmarks/callback_cost.py [--images 2000] [--epochs 5] [--rounds 3]
"""

import argparse
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterable
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keraunos as kr
import numpy as np
from keraunos.callbacks import (
    Callback,
    EarlyStopping,
    Figures,
    JsonLog,
    MetricsLog,
    ModelCheckpoint,
    ProgressBar,
    RunState,
    TensorBoard,
)
from PIL import Image

SIZE, BATCH_SIZE, CLASSES = 32, 4, 4


class Stopwatch(Callback):
    """Measures the steps and the rest of each epoch except the first.

    Uses no hook at single steps, which would make the device wait.
    """

    every_n_steps = None

    def __init__(self) -> None:
        self.milliseconds: list[float] = []
        self.rests: list[float] = []
        self._ended: float | None = None

    def on_epoch_end(self, run: RunState) -> None:
        """Divides the time since the end of the last epoch."""
        now, seconds = time.perf_counter(), run.metrics["seconds"]
        if self._ended is not None:
            self.milliseconds.append(1000 * seconds / (run.steps_per_epoch or 1))
            self.rests.append(now - self._ended - seconds)
        self._ended = now


def nothing() -> dict[str, Any]:
    """Returns settings that disable all callbacks."""
    return dict.fromkeys(
        ("progress_bar", "metrics_log", "tensorboard", "figures", "model_checkpoint")
    )


def default() -> dict[str, Any]:
    """Returns the default callbacks of a run with a directory."""
    return {}


def everything() -> dict[str, Any]:
    """Returns the default callbacks and all others that only observe."""
    return {
        "progress_bar": ProgressBar(seconds_between_lines=1.0),
        "json_log": JsonLog(seconds_between_lines=1.0),
        "metrics_log": MetricsLog(),
        "tensorboard": TensorBoard(profile_steps=(1, 5)),
        "figures": Figures(),
        "early_stopping": EarlyStopping(patience=10**6),
        "model_checkpoint": ModelCheckpoint(every_n_steps=500, save_top_k=3),
    }


def keras_per_batch() -> dict[str, Any]:
    """Returns a Keras callback with a hook after each batch, for which the device waits."""

    class EachBatch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            """Does nothing."""

    return nothing() | {"each_batch": EachBatch()}


SIDES = {
    "no callback": nothing,
    "default set": default,
    "everything on": everything,
    "a Keras callback per batch": keras_per_batch,
}


def main() -> None:
    """Measures all sides in turn, and prints a table and a line of JSON."""
    options = parse()
    watches: dict[str, list[Stopwatch]] = {name: [] for name in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        data = draw(root / "images", options.images)
        for number in range(options.rounds):
            for name, callbacks in SIDES.items():
                run_dir = root / f"{name} {number}"
                watches[name].append(measure(data, run_dir, callbacks(), options.epochs))
    steps = {name: median(w.milliseconds for w in each) for name, each in watches.items()}
    rests = {name: median(w.rests for w in each) for name, each in watches.items()}
    print(f"{'':26} ms a step   ratio   s between epochs")
    for name in SIDES:
        ratio = steps[name] / steps["no callback"]
        print(f"{name:26} {steps[name]:9.3f} {ratio:7.2f} {rests[name]:18.3f}")
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    result = {"milliseconds_a_step": steps, "seconds_between_epochs": rests}
    print(json.dumps(result | {"options": vars(options), "versions": versions}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def draw(folder: Path, count: int) -> kr.ImageData:
    """Generates images of noise in class folders, and reads them into memory."""
    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"class {number % CLASSES}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return kr.ImageData.from_folder(
        folder,
        image_size=SIZE,
        batch_size=BATCH_SIZE,
        cache="memory",
        augmentation=kr.Augmentation(strength=0.0),
    )


def build() -> keras.Model:
    """Builds a model with one layer."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(CLASSES, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def measure(
    data: kr.ImageData, run_dir: Path, callbacks: dict[str, Any], epochs: int
) -> Stopwatch:
    """Trains once, and returns the measured times."""
    watch = Stopwatch()
    trainer = kr.Trainer(
        strategy="single",
        accelerator="cpu",
        max_epochs=epochs + 1,
        run_dir=run_dir,
        callbacks=callbacks | {"stopwatch": watch},
        export=False,
    )
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        if not trainer.fit(build, data).is_finished:
            raise KeyboardInterrupt  # an interrupt ends only the fit
    return watch


def median(turns: Iterable[list[float]]) -> float:
    """Returns the median over all epochs of all turns."""
    return float(np.median(list(chain.from_iterable(turns))))


if __name__ == "__main__":
    main()
