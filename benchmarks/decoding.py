"""Compares the decoding of images with Keras and TensorFlow.

    python benchmarks/decoding.py [--count 400] [--sizes 600x450 1200x900]

Generates JPEGs of drawn lesions with grain, of each size, and decodes them to 224 x 224
pixels: with `keras.utils.image_dataset_from_directory`; with `tf.io.decode_jpeg` and
`tf.image.resize(antialias=True)`; and with Keraunos, which also hashes each file and
applies antialiasing. All take turns, with files in the page cache. Reports CPU milliseconds
per image, which hardly depend on the load of the machine, and images per second.
"""

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keraunos.data.files.inspect import decode_files
from keraunos.data.synthetic.lesions import KINDS, draw_lesion
from PIL import Image

SIZE = 224
ROUNDS = 5


def make_images(folder: Path, count: int, size: tuple[int, int]) -> list[str]:
    """Writes JPEGs into two class folders."""
    random = np.random.default_rng(0)
    names = list(KINDS)
    paths = []
    for number in range(count):
        drawn = Image.fromarray(draw_lesion(names[number % len(names)], 0, number))
        pixels = np.asarray(drawn.resize(size)) + random.normal(0, 5, (*size[::-1], 3))
        path = folder / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        paths.append(str(path))
    return paths


def by_keras(folder: Path) -> None:
    """Reads all images with the standard function of Keras."""
    dataset: Any = keras.utils.image_dataset_from_directory(
        folder, image_size=(SIZE, SIZE), shuffle=False, verbose=False
    )
    for _ in dataset:
        pass


def by_tensorflow(paths: list[str]) -> None:
    """Reads all images with functions of TensorFlow, with antialiasing."""

    def read(path: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.image.resize(image, (SIZE, SIZE), antialias=True)

    dataset = tf.data.Dataset.from_tensor_slices(paths)
    for _ in dataset.map(read, num_parallel_calls=tf.data.AUTOTUNE).batch(32):
        pass


def measure(folder: Path, count: int, size: tuple[int, int]) -> dict[str, list[float]]:
    """Returns median CPU ms per image and images per second of each side."""
    paths = make_images(folder, count, size)
    digests = [hashlib.sha256(Path(path).read_bytes()).digest() for path in paths]
    ways: dict[str, Callable[[], object]] = {
        "keraunos": lambda: list(decode_files(paths, digests, SIZE)),
        "keras": lambda: by_keras(folder),
        "tensorflow": lambda: by_tensorflow(paths),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS + 1):
        for name, way in ways.items():
            start = time.process_time(), time.perf_counter()
            way()
            ends = time.process_time(), time.perf_counter()
            cpu, wall = (end - begin for begin, end in zip(start, ends, strict=True))
            found[name].append((1000 * cpu / count, count / wall))
    return {name: np.median(each[1:], axis=0).tolist() for name, each in found.items()}


def main() -> None:
    """Prints a table and a line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--sizes", nargs="+", default=["600x450", "1200x900"])
    arguments = parser.parse_args()
    answer: dict[str, dict[str, dict[str, float]]] = {}
    for text in arguments.sizes:
        width, height = map(int, text.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder), arguments.count, (width, height))
        answer[text] = {}
        for name, (cpu, rate) in found.items():
            ratio = cpu / found["keraunos"][0]
            answer[text][name] = {
                "cpu_ms": cpu,
                "images_per_second": rate,
                "ratio": ratio,
            }
            print(
                f"{text:10} {name:10} {cpu:6.2f} ms {rate:6.0f}/s, ours {ratio:.2f} times"
            )
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
