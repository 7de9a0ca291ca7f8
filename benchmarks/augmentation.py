"""Compares augmentation with RandomFlip, RandomRotation and RandomZoom of Keras.

    python benchmarks/augmentation.py [--photographs FOLDER]

Speed: CPU time per image in batches of 32 at 224 pixels, measured in turn: the augmentation
of Keraunos, which also shifts images and changes their tone; the Keras layers; each policy
alone, with strength 0; and all policies with strength 0.5. Sharpness: images are rotated
and zoomed by the same amounts, by Keraunos in one operation and by the Keras layers one
after the other; both are compared with a fifth-order spline away from the border. Without
photographs, uses drawn lesions.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keraunos import Augmentation
from keraunos.data.augmentation import augment
from keraunos.data.augmentation.geometry import rotated_and_scaled
from keraunos.data.files.decode import decode
from keraunos.data.synthetic.lesions import KINDS, draw_lesion
from PIL import Image
from scipy import ndimage

SIZE, BATCH = 224, 32
ROUNDS, BATCHES_A_ROUND = 5, 4
MARGIN = 48
POLICIES: dict[str, dict[str, Any]] = {
    "random_resized_crop": {"random_resized_crop": 0.5},
    "rand_augment": {"rand_augment": {"magnitude": 9, "num_ops": 2}},
    "color_jitter": {"color_jitter": 0.2},
    "random_erasing": {"random_erasing": 0.5},
}
AMOUNTS = [(10.0, 0.05), (25.0, -0.1), (40.0, 0.1), (-65.0, -0.15)]  # degrees, zoom

Array = np.ndarray[Any, Any]


def load_images(folder: Path | None) -> Array:
    """Returns images `(BATCH, SIZE, SIZE, 3)`, float32 in [0, 255]."""
    if folder:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        chosen = paths[:: max(len(paths) // BATCH, 1)][:BATCH]
        return np.stack([decode(path.read_bytes(), SIZE) for path in chosen]).astype("f4")
    names = list(KINDS)
    drawn = [draw_lesion(names[n % len(names)], 0, n) for n in range(BATCH)]
    resized = [Image.fromarray(each).resize((SIZE, SIZE)) for each in drawn]
    return np.stack([np.asarray(each) for each in resized]).astype("f4")


def rates(functions: dict[str, Callable[[int], Any]]) -> dict[str, float]:
    """Measures the functions in turn; returns median images per CPU second of each."""
    found: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(ROUNDS + 1):
        for name, function in functions.items():
            start = time.process_time()
            for step in range(BATCHES_A_ROUND):
                function(number * BATCHES_A_ROUND + step)
            found[name].append(BATCH * BATCHES_A_ROUND / (time.process_time() - start))
    return {name: float(np.median(each[1:])) for name, each in found.items()}


def speed(images: Array) -> dict[str, float]:
    """Measures images per CPU second of Keraunos, each policy, and the Keras layers."""
    layers = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal_and_vertical"),
            keras.layers.RandomRotation(0.2),
            keras.layers.RandomZoom(0.2),
        ]
    )
    batch = tf.constant(images)
    stock = tf.function(lambda: layers(batch, training=True))
    theirs = keras.layers.RandAugment((0, 255), num_ops=2, factor=0.9)
    stock_rand_augment = tf.function(lambda: theirs(batch, training=True))
    return rates(
        {
            "keraunos": _ours(batch, strength=0.5),
            "keras": lambda _: stock().numpy(),
            **{name: _ours(batch, strength=0, **each) for name, each in POLICIES.items()},
            "all": _ours(batch, **{k: v for p in POLICIES.values() for k, v in p.items()}),
            "keras_rand_augment": lambda _: stock_rand_augment().numpy(),
        }
    )


def _ours(batch: tf.Tensor, **settings: Any) -> Callable[[int], Any]:
    """Returns a step: draws parameters on the host, applies them in a traced function."""
    augmentation, rows = Augmentation(**settings), np.arange(BATCH, dtype=np.uint64)
    apply = tf.function(lambda drawn: augment(batch, drawn))

    def step(number: int) -> Any:
        drawn = augmentation.draw(0, rows, np.full(BATCH, number), SIZE)
        return apply({name: tf.constant(each) for name, each in drawn.items()}).numpy()

    return step


def once(images: Array, degrees: float, zoom: float) -> tuple[Array, Array]:
    """Rotates and zooms images with Keraunos and with the spline."""
    angle = np.full(len(images), np.radians(degrees))
    scale = np.full((len(images), 2), 1 + zoom)
    nowhere = np.zeros((len(images), 2))
    rows = rotated_and_scaled(angle, scale, nowhere, SIZE)
    ours = augment(images, {"geometry": rows.astype("f4")}).numpy()
    a0, a1, a2, b0, b1, b2 = rows[0]
    matrix, offset = [[b1, b0, 0], [a1, a0, 0], [0, 0, 1]], [b2, a2, 0]
    ideal = [ndimage.affine_transform(each, matrix, offset, order=5) for each in images]
    return ours, np.stack(ideal)


def one_after_the_other(images: Array, degrees: float, zoom: float) -> Array:
    """Rotates and zooms images with the Keras layers."""
    turn = keras.layers.RandomRotation((degrees / 360,) * 2)
    resize = keras.layers.RandomZoom((zoom, zoom), (zoom, zoom))
    return resize(turn(images, training=True), training=True).numpy()


def gradients(images: Array) -> float:
    """Returns the mean squared difference of neighboring pixels, which blurring lowers."""
    return float(sum((np.diff(images, axis=axis) ** 2).mean() for axis in (1, 2)))


def sharpness(images: Array) -> Iterator[dict[str, float]]:
    """Yields the share of the spline's gradients that each keeps, and its PSNR."""
    inside = (slice(None), slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    for degrees, zoom in AMOUNTS:
        ours, ideal = (each[inside] for each in once(images, degrees, zoom))
        # Keras may use the opposite sign of angles: takes the nearer result.
        both = [
            one_after_the_other(images, each, zoom)[inside] for each in (degrees, -degrees)
        ]
        theirs = min(both, key=lambda each: np.abs(each - ideal).mean())
        row = {"degrees": degrees, "zoom": zoom}
        for name, each in (("keraunos", ours), ("keras", theirs)):
            row[f"{name}_gradients"] = gradients(each) / gradients(ideal)
            row[f"{name}_psnr"] = float(
                10 * np.log10(255**2 / ((each - ideal.clip(0, 255)) ** 2).mean())
            )
        yield row


def main() -> None:
    """Prints tables and a line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photographs", type=Path)
    images = load_images(parser.parse_args().photographs)
    found = speed(images)
    ratio = found["keraunos"] / found["keras"]
    for name, rate in found.items():
        print(f"{name:20} {1e3 / rate:8.2f} ms of CPU an image")
    print(f"{'keraunos / keras':20} {ratio:8.2f}\n")
    print("degrees   zoom   gradients kept: keraunos  keras   PSNR: keraunos  keras")
    rows = list(sharpness(images))
    for row in rows:
        print(
            f"{row['degrees']:7.0f} {row['zoom']:6.2f} {row['keraunos_gradients']:24.3f} "
            f"{row['keras_gradients']:6.3f} {row['keraunos_psnr']:16.1f} "
            f"{row['keras_psnr']:6.1f}"
        )
    print(json.dumps({"images_per_cpu_second": found, "ratio": ratio, "sharpness": rows}))


if __name__ == "__main__":
    main()
