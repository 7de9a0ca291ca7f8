"""Measures images per second from JPEG files and from cached pixels, without a model."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from ...data import Augmentation, ImageData
from ...strategies import Part, Position, Replicas
from ..check import CheckSettings
from ..verdict import Verdict, pass_or_fail, pass_or_slow, spread

WIDTH, HEIGHT = 600, 450
IMAGES = {"CPU": 96, "GPU": 1024}
BATCH_SIZE = 32
PASSES = 5  # over the cached images


def measure(settings: CheckSettings) -> Verdict:
    """Times a pass that decodes, passes over the cache, and passes with augmentation."""
    count = IMAGES[settings.layout.kind]
    images = _write_images(settings.folder / "images", count)
    first, decoded = _read_through(_read(settings, images), passes=1)
    again, kept = _read_through(_read(settings, images), PASSES)
    augmented = _augmented(settings, images, count)
    keras_speeds = [count / _seconds(_keras(settings, images)) for _ in range(3)]
    if not all(np.array_equal(a, b) for a, b in zip(decoded, kept, strict=False)):
        return pass_or_fail(False, "cached images differ from the decoded ones", {})
    theirs = statistics.median(keras_speeds)
    fresh, ours = count / first, PASSES * count / again
    figures = {
        "from_jpeg_images_per_second": fresh,
        "kept_images_per_second": ours,
        "augmented_images_per_second": augmented,
        "image_dataset_from_directory_images_per_second": theirs,
        "image_dataset_from_directory_spread": spread(keras_speeds),
        "image_size": settings.image_size,
    }
    return pass_or_slow(
        ours >= theirs,
        f"{fresh:.3g} images/s from {WIDTH}x{HEIGHT} JPEGs, then {ours:.3g} (at least the "
        f"{theirs:.3g} of Keras's dataset), augmented {augmented:.3g}",
        figures,
    )


def _write_images(folder: Path, count: int) -> Path:
    """Writes distinct JPEG files of random colors in two classes."""
    random = np.random.default_rng(0)
    for number in range(count):
        place = folder / ("even", "odd")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        image = coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        image.save(place / f"{number:05d}.jpg", quality=90)
    return folder


def _read(settings: CheckSettings, folder: Path, strength: float = 0.0) -> Any:
    """Reads the images of a folder as a run would."""
    return ImageData.from_folder(
        folder,
        image_size=settings.image_size,
        batch_size=BATCH_SIZE,
        validation_split=0.0,
        augmentation=Augmentation(strength=strength),
        cache_dir=settings.folder / "images-kept",
    )


def _read_through(data: Any, passes: int) -> tuple[float, list[Any]]:
    """Returns the seconds that reading took, and the images of each batch."""
    started = time.perf_counter()
    images = [part.content["images"].numpy() for part in _parts(data, passes)]
    return time.perf_counter() - started, images


def _parts(data: Any, passes: int) -> Iterator[Part]:
    """Yields undivided batches, always in the same order."""
    batches = data.train.batches(Position(), Replicas())
    for (part,) in batches.take(passes * data.train.num_batches):
        yield Part(*part)


def _augmented(settings: CheckSettings, folder: Path, count: int) -> float:
    """Returns the images per second when the device augments them."""
    data = _read(settings, folder, strength=0.5)
    prepare = tf.function(data.train.prepare)
    for passes in (1, PASSES):  # the first one traces
        started = time.perf_counter()
        for part in _parts(data, passes):
            inputs, *_ = prepare(part.content)
        np.array(inputs[:1])
        seconds = time.perf_counter() - started
    return PASSES * count / seconds


def _keras(settings: CheckSettings, folder: Path) -> tf.data.Dataset:
    return keras.utils.image_dataset_from_directory(
        folder,
        image_size=(settings.image_size, settings.image_size),
        batch_size=BATCH_SIZE,
        verbose=False,
    )


def _seconds(batches: tf.data.Dataset) -> float:
    started = time.perf_counter()
    for images, _ in batches:
        images.numpy()
    return time.perf_counter() - started
