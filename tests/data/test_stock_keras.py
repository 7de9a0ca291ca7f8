"""Three surprises of `keras.utils.image_dataset_from_directory`, each next to ours."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import make_images, smooth_image
from keraunos import ImageData
from keraunos.strategies import Position, Replicas
from PIL import ExifTags, Image

SIZE = 48


def stock(folder: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Classes, images and labels as Keras reads them, in the order of their files."""
    dataset: Any = keras.utils.image_dataset_from_directory(
        folder, image_size=(SIZE, SIZE), shuffle=False, verbose=False
    )
    batches = [(images.numpy(), labels.numpy()) for images, labels in dataset]
    images, labels = zip(*batches, strict=True)
    return dataset.class_names, np.concatenate(images), np.concatenate(labels)


def ours(folder: Path, **options: Any) -> ImageData:
    options = {"validation_split": 0.0, "image_size": SIZE, **options}
    return ImageData.from_folder(folder, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_images(tmp_path / "train", {"cat": 4, "dog": 3, "emu": 2}, size=SIZE)


def test_keras_silently_skips_webp_and_keraunos_reads_it(folder, capfd):
    for number in range(3):
        smooth_image(number).save(folder / "cat" / f"cat-{number}.webp")
    _, images, _ = stock(folder)
    assert len(images) == 4 + 3 + 2
    assert "webp" not in "".join(capfd.readouterr())
    data = ours(folder)
    assert data.train.num_examples == 4 + 3 + 3 + 2
    assert sum(name.endswith(".webp") for name in data.train.names) == 3


def test_keras_ignores_exif_orientation_and_keraunos_applies_it(folder):
    stored = smooth_image(7, SIZE, SIZE)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    path = folder / "cat" / "a.png"  # the first of all
    stored.save(path, exif=exif)
    upright = np.rot90(np.asarray(stored), -1)
    _, images, _ = stock(folder)
    np.testing.assert_array_equal(images[0], np.asarray(stored))
    data = ours(folder)
    assert data.train.names[0] == str(path)
    np.testing.assert_array_equal(data.train.images(np.array([0]))[0], upright)


def test_keras_shifts_labels_when_a_class_is_missing_and_keraunos_does_not(
    folder, tmp_path
):
    held_out = make_images(tmp_path / "val", {"dog": 2, "emu": 2}, size=SIZE, seed=1)
    train_classes, _, _ = stock(folder)
    _, _, labels = stock(held_out)
    told = [train_classes[label] for label in labels]
    assert told == ["cat", "cat", "dog", "dog"]  # they are dogs and emus
    data = ours(folder, validation=held_out)
    assert data.validation is not None
    (parts,) = data.validation.batches(Position(), Replicas()).take(1)
    told = [data.class_names[label] for label in parts[0].content["labels"].numpy()]
    assert told == ["dog", "dog", "emu", "emu"]
    assert "there are no validation images of cat" in data.describe()
