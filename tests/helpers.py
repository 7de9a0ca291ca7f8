"""Helpers that many tests share."""

import contextlib
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keraunos.core.files import sha256_of_file
from keraunos.strategies.tensorflow_internals import isolated_mirrored_strategy
from PIL import Image

Dataset = tf.data.Dataset
# Ends a process that hangs before pytest ends its test, which would not show what it wrote.
# It does not measure speed: on a busy machine, a process takes minutes.
SECONDS_AT_MOST = 900 if os.environ.get("KERAUNOS_NIGHTLY") else 300
ALL_POLICIES: dict[str, Any] = {  # of augmentation, in addition to its strength
    "random_resized_crop": 0.3,
    "rand_augment": {"magnitude": 9, "num_ops": 3},
    "color_jitter": 0.3,
    "random_erasing": 0.5,
}


def make_images(
    root: Path, counts: Mapping[str, int], size: int = 40, seed: int = 0
) -> Path:
    """Draws distinct images of noise, brighter from class to class."""
    random = np.random.default_rng(seed)
    for place, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            low = 60 * place
            pixels = random.integers(low, low + 60, (size, size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{name}-{number:03d}.png")
    return root


def smooth_image(seed: int, width: int = 120, height: int = 90) -> Image.Image:
    """Draws clouds of color, distinct for each seed, that survive encoding and scaling."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def replicas(count: int) -> tf.distribute.Strategy:
    """A strategy with this many replicas on virtual CPU devices."""
    if count == 1:
        return tf.distribute.OneDeviceStrategy("/cpu:0")
    return isolated_mirrored_strategy([f"/cpu:{number}" for number in range(count)])


def on_each_replica(strategy: tf.distribute.Strategy, function: Any, *args: Any) -> Any:
    """What a traced function returns on each replica."""
    run = tf.function(lambda *args: strategy.run(function, args), autograph=False)
    return strategy.experimental_local_results(run(*args))


def run_keraunos(
    *arguments: object,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = SECONDS_AT_MOST,
) -> subprocess.CompletedProcess[str]:
    """Runs the command line as a user would, in its own process."""
    command = [sys.executable, "-m", "keraunos", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )


def examples(
    count: int, width: int = 5, classes: int = 3, seed: int = 0
) -> tuple[Any, Any, Any]:
    """Distinct inputs, integer targets and sample weights."""
    random = np.random.default_rng(seed)
    floatx = keras.config.floatx()
    return (
        random.normal(size=(count, width)).astype(floatx),
        random.integers(0, classes, count).astype("int32"),
        random.uniform(0.5, 2.0, count).astype(floatx),
    )


def classifier(
    optimizer: Callable[[], keras.optimizers.Optimizer] | None = None,
    width: int = 5,
    classes: int = 3,
) -> Callable[[], keras.Model]:
    """A builder of a small model with a hidden layer."""

    def build() -> keras.Model:
        model = keras.Sequential(
            [
                keras.Input((width,)),
                keras.layers.Dense(4, "tanh"),
                keras.layers.Dense(classes, "softmax"),
            ]
        )
        made = optimizer() if optimizer else keras.optimizers.SGD(0.1)
        model.compile(made, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return build


def weights_of(model: keras.Model) -> list[np.ndarray]:
    """Copies of a model's weights."""
    return [np.array(variable.numpy()) for variable in model.weights]


def largest_difference(first: list[np.ndarray], second: list[np.ndarray]) -> float:
    """The largest difference between two lists of arrays, NaN if one has any."""
    return max(
        float(np.max(np.abs(a - b), initial=0)) for a, b in zip(first, second, strict=True)
    )


@contextlib.contextmanager
def opened_files() -> Iterator[list[str]]:
    """Collects the files that any code of this process opens meanwhile."""
    opened: list[str] = []
    _collectors.append(opened)
    try:
        yield opened
    finally:
        _collectors.remove(opened)


_collectors: list[list[str]] = []


def _note_opened(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        for opened in _collectors:
            opened.append(str(arguments[0]))


sys.addaudithook(_note_opened)


def contents(folder: Path) -> dict[str, str]:
    """The fingerprint of each file below a folder, except for Python's bytecode."""
    return {
        str(path.relative_to(folder)): sha256_of_file(path) if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
        if "__pycache__" not in path.parts
    }


def environment_without_keraunos(folder: Path) -> Path:
    """Creates a virtual environment with all packages of this one but Keraunos.

    Returns:
        Its Python.
    """
    venv.create(folder, symlinks=True)
    inside = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "keraunos" not in entry.name and not (inside / entry.name).exists():
            (inside / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


def with_other_validation(data: Any, seed: int = 5) -> Any:
    """The same split of images, but with noise and other labels for validation."""
    from keraunos.data.image_data import ImageData
    from keraunos.data.index.image_index import VALIDATION
    from keraunos.data.read_images import _divide

    read = data._read
    index, random = read.built.index, np.random.default_rng(seed)
    rows = index.splits == VALIDATION
    labels = index.labels.copy()
    labels[rows] = (labels[rows] + 1 + random.integers(0, 2, rows.sum())) % 3
    built = replace(read.built, index=replace(index, labels=labels))

    def load(places: Any) -> Any:
        images = read.load(places).copy()
        for at, row in enumerate(places):
            if rows[row]:  # the same noise each time
                noise = np.random.default_rng([seed, row])
                images[at] = noise.integers(0, 256, images[at].shape)
        return images

    return ImageData(
        _divide(
            built,
            read.of_files,
            load,
            read.config,
            data.train.augmentation,
            data.train.seed,
            read.store,
        )
    )
