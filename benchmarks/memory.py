"""Compares the memory of a run with that of a tutorial script.

Both sides train the same tiny network on the same files for two epochs: the tutorial with
`image_dataset_from_directory(...).cache()`, which keeps every image as float32 in memory,
and Keraunos, which keeps decoded images in a file. Each runs in its own process; a third
process only imports TensorFlow and trains on one batch, as the baseline without images.

Two values per process are read from /proc: the peak of its private memory (anonymous pages,
which exhaust the memory of a machine), and the peak of all resident pages, including those
of mapped files, which the kernel can reclaim.

The memory per image follows from measurements with two numbers of images. Larger numbers
are extrapolated linearly, and marked as such.

Usage: python benchmarks/memory.py [--images 10000] [--image-size 32] [--extrapolate 100000]
"""

import argparse
import json
import os
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from keraunos.core.process_memory import run_watched

BATCH_SIZE, EPOCHS = 32, 2
SIDES = ("nothing", "tutorial", "keraunos")
_MIB = 2**20


def main() -> None:
    """Measures each side with two numbers of images."""
    options = parse()
    if options.side:
        train(options.side, Path(options.folder), options.image_size)
        return
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for count in (options.images // 4, options.images):
            folder = draw(Path(scratch) / str(count), count, options.image_size)
            results[str(count)] = {side: measure(side, folder, options) for side in SIDES}
    few, many = (int(count) for count in results)
    predicted = extrapolate(results, few, many, options.extrapolate)
    show(results, predicted, options.extrapolate)
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    print(
        json.dumps(
            {
                "mib": results,
                "extrapolated_mib": predicted,
                "versions": versions,
                "options": vars(options),
            }
        )
    )


def parse() -> argparse.Namespace:
    """Parses the command line; `--side` is for the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--extrapolate", type=int, default=100_000)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser.parse_args()


def draw(folder: Path, count: int, size: int) -> Path:
    """Writes images of noise, half of them in each of two classes."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for name in ("bright", "dark"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        low = 128 * (number % 2)
        pixels = random.integers(low, low + 128, (size, size, 3), dtype=np.uint8)
        name = ("dark", "bright")[number % 2]
        Image.fromarray(pixels).save(folder / name / f"{number:06}.png", compress_level=0)
    return folder


def measure(side: str, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Returns the peaks of private and resident memory of a process in MiB."""
    size = str(options.image_size)
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    with tempfile.TemporaryDirectory() as cache:
        done = run_watched(
            [*command, "--image-size", size], environment={"KERAUNOS_CACHE_DIR": cache}
        )
    if done.code:
        raise SystemExit(done.errors)
    resident = json.loads(done.output.splitlines()[-1])["resident_mib"]
    return {"own": done.peak_bytes / _MIB, "resident": resident}


def train(side: str, folder: Path, size: int) -> None:
    """Trains as one of the sides, and prints the peak of resident memory."""
    {"nothing": train_on_nothing, "tutorial": as_tutorial, "keraunos": as_keraunos}[side](
        folder, size
    )
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    print(json.dumps({"resident_mib": peak / 1024}))


def network(size: int) -> Any:
    """Builds a network that takes almost no memory."""
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((size, size, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, 4, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, "softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train_on_nothing(folder: Path, size: int) -> None:
    """Trains on one batch of zeros, to measure TensorFlow itself."""
    import numpy as np

    images = np.zeros((BATCH_SIZE, size, size, 3), np.float32)
    network(size).fit(images, np.zeros(BATCH_SIZE), batch_size=BATCH_SIZE, verbose=0)


def as_tutorial(folder: Path, size: int) -> None:
    """Trains as in TensorFlow's tutorials: caches in memory, shuffles, prefetches."""
    import keras
    import tensorflow as tf

    common = {
        "validation_split": 0.2,
        "seed": 0,
        "image_size": (size, size),
        "batch_size": BATCH_SIZE,
        "verbose": False,
    }
    read = keras.utils.image_dataset_from_directory
    training = read(folder, subset="training", **common)
    validation = read(folder, subset="validation", **common)
    training = training.cache().shuffle(1000).prefetch(tf.data.AUTOTUNE)
    validation = validation.cache().prefetch(tf.data.AUTOTUNE)
    network(size).fit(training, validation_data=validation, epochs=EPOCHS, verbose=0)


def as_keraunos(folder: Path, size: int) -> None:
    """Trains with Keraunos and its defaults."""
    import keraunos as kr

    data = kr.ImageData.from_folder(
        folder, validation_split=0.2, seed=0, image_size=size, batch_size=BATCH_SIZE
    )
    trainer = kr.Trainer(max_epochs=EPOCHS, callbacks={"progress_bar": None})
    trainer.fit(lambda: network(size), data)


def extrapolate(
    results: dict[str, Any], few: int, many: int, count: int
) -> dict[str, dict[str, float]]:
    """Extrapolates MiB to `count` images, linearly from both measurements."""
    part = (count - few) / (many - few)
    return {
        side: {
            kind: results[str(few)][side][kind] * (1 - part)
            + results[str(many)][side][kind] * part
            for kind in ("own", "resident")
        }
        for side in SIDES
    }


def show(results: dict[str, Any], predicted: dict[str, Any], count: int) -> None:
    """Prints a line for each number of images and each side."""
    print("images    side      own MiB  resident MiB  own MiB beyond TensorFlow's")
    rows = [(f"{int(name):,}", found, "") for name, found in results.items()]
    for images, found, note in [*rows, (f"{count:,}", predicted, "  extrapolated")]:
        for side in SIDES:
            own, resident = found[side]["own"], found[side]["resident"]
            beyond = own - found["nothing"]["own"]
            print(f"{images:9} {side:9} {own:7.0f}  {resident:12.0f}  {beyond:7.0f}{note}")


if __name__ == "__main__":
    main()
