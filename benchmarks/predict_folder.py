"""Compares `keraunos predict` with a plain Keras script on a folder of many small images.

Both sides predict the same files with the same tiny network, in batches of 32, and write a
table of probabilities: Keras with `image_dataset_from_directory` and `model.predict`, as in
its guides, and Keraunos with an export of the network. Each runs in its own process, whose
wall time and peak of private memory are measured, including the import of TensorFlow. The
files are hard links to a few hundred images.

The time and memory per image, without the start of the process, follow from the smallest
and the largest number of images.

Usage: python benchmarks/predict_folder.py [--images 1000 10000 100000] [--image-size 32]
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from keraunos.core.files import sha256_of_file
from keraunos.core.process_memory import run_watched

BATCH_SIZE, ORIGINALS = 32, 300
CLASSES = ("bright", "dark", "between")
SIDES = ("keras", "keraunos")
_MIB = 2**20


def main() -> None:
    """Measures both sides with each number of images, in turn."""
    options = parse()
    if options.folder:
        predict_with_keras(Path(options.folder), options.image_size)
        return
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        export = write_export(Path(scratch) / "export", options.image_size)
        originals = draw(Path(scratch) / "originals", options.image_size)
        for count in options.images:
            folder = link(Path(scratch) / str(count), originals, count)
            sides = {side: measure(side, folder, export, options) for side in SIDES}
            require_same(folder, count)
            results[str(count)] = sides
    marginal = {side: in_the_long_run(results, side) for side in SIDES}
    show(results, marginal)
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    figures = {"results": results, "marginal": marginal, "versions": versions}
    print(json.dumps(figures | {"options": vars(options), "cpus": os.cpu_count()}))


def parse() -> argparse.Namespace:
    """Parses the command line; `--folder` is for the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser.parse_args()


def write_export(directory: Path, size: int) -> Path:
    """Writes the export of a network that takes almost no time."""
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((size, size, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, 4, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(len(CLASSES), "softmax"),
        ]
    )
    directory.mkdir()
    model.save(directory / "model.keras")
    document = {
        "version": 1,
        "name": "tiny",
        "classes": CLASSES,
        "image_size": size,
        "decoding": {"bit_depth": None, "max_pixels": 1_000_000},
        "correction": None,
        "applied_in_graph": False,
        "decisions": {},
        "format": "keras",
        "file": "model.keras",
        "files": {"model.keras": sha256_of_file(directory / "model.keras")},
    }
    (directory / "model.json").write_text(json.dumps(document))
    return directory


def draw(folder: Path, size: int) -> list[Path]:
    """Writes distinct images of noise."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    folder.mkdir()
    files = [folder / f"{number:03}.png" for number in range(ORIGINALS)]
    for number, file in enumerate(files):
        low = number % 128
        pixels = random.integers(low, low + 128, (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    return files


def link(folder: Path, originals: list[Path], count: int) -> Path:
    """Fills a folder with links to images."""
    (folder / "images").mkdir(parents=True)
    for number in range(count):
        os.link(originals[number % ORIGINALS], folder / "images" / f"{number:07}.png")
    return folder


def measure(
    side: str, folder: Path, export: Path, options: argparse.Namespace
) -> dict[str, float]:
    """Runs one side in a process; returns seconds, CPU seconds and MiB."""
    own = [__file__, f"--folder={folder}", f"--image-size={options.image_size}"]
    ours = ["-m", "keraunos", "predict", export, folder / "images"]
    ours += ["--output", folder / "keraunos.csv"]
    command = [sys.executable, *map(str, own if side == "keras" else ours)]
    began_at, used = time.perf_counter(), cpu_seconds()
    done = run_watched(command)
    seconds, cpu = time.perf_counter() - began_at, cpu_seconds() - used
    if done.code:
        raise SystemExit(done.errors)
    return {"seconds": seconds, "cpu_seconds": cpu, "mib": done.peak_bytes / _MIB}


def cpu_seconds() -> float:
    """Returns the CPU seconds of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def predict_with_keras(folder: Path, size: int) -> None:
    """Predicts as in the guides of Keras, and writes the table at the end."""
    import keras

    model = keras.models.load_model(folder.parent / "export" / "model.keras")
    images = keras.utils.image_dataset_from_directory(
        folder / "images",
        labels=None,
        shuffle=False,
        batch_size=BATCH_SIZE,
        image_size=(size, size),
        verbose=False,
    )
    rows = model.predict(images, verbose=0)
    with (folder / "keras.csv").open("w") as file:
        file.write(f"file,prediction,{','.join(CLASSES)}\n")
        for name, row in zip(images.file_paths, rows, strict=True):
            numbers = ",".join(f"{value:.9g}" for value in row)
            file.write(f"{name},{CLASSES[row.argmax()]},{numbers}\n")


def require_same(folder: Path, count: int) -> None:
    """Checks that both sides predict the same probabilities for the same files."""
    tables = [(folder / f"{side}.csv").read_text().splitlines()[1:] for side in SIDES]
    assert len(tables[0]) == len(tables[1]) == count
    for first, second in zip(*tables, strict=True):
        one, two = first.split(","), second.split(",")
        assert one[0] == two[0]
        for a, b in zip(one[2:5], two[2:5], strict=True):
            assert abs(float(a) - float(b)) < 1e-4


def in_the_long_run(results: dict[str, Any], side: str) -> dict[str, float]:
    """Returns images per second, CPU and bytes per image, without the start."""
    few, *_, many = (int(count) for count in results)
    first, last = results[str(few)][side], results[str(many)][side]
    return {
        "images_per_second": (many - few) / (last["seconds"] - first["seconds"]),
        "cpu_ms_per_image": 1000
        * (last["cpu_seconds"] - first["cpu_seconds"])
        / (many - few),
        "bytes_per_image": (last["mib"] - first["mib"]) * _MIB / (many - few),
    }


def show(results: dict[str, Any], marginal: dict[str, Any]) -> None:
    """Prints a line for each number of images and each side."""
    print("images    side      seconds  images/s     CPU s     MiB")
    for name, sides in results.items():
        for side, found in sides.items():
            speed = int(name) / found["seconds"]
            print(
                f"{int(name):9,} {side:9} {found['seconds']:7.1f}  {speed:8.0f}  "
                f"{found['cpu_seconds']:8.1f}  {found['mib']:6.0f}"
            )
    for side, found in marginal.items():
        print(
            f"in the long run {side:9} {found['images_per_second']:8.0f} images/s  "
            f"{found['cpu_ms_per_image']:6.2f} ms of CPU and "
            f"{found['bytes_per_image']:6.0f} bytes an image"
        )


if __name__ == "__main__":
    main()
