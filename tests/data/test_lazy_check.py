"""With data.check=lazy no file is opened before it is used; the batches are the same."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import make_images, opened_files
from keraunos import Augmentation, ImageData
from keraunos.core.errors import ConfigError, DataError
from keraunos.data.index.split_csv import fingerprint_split

SPARSE = 500


def read(folder: Path, check: Any, **options: Any) -> ImageData:
    return ImageData.from_folder(
        folder,
        check=check,
        image_size=32,
        validation_split=0,
        augmentation=Augmentation(strength=0),
        **options,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_images(tmp_path / "images", {"cat": 5, "dog": 4})


def test_lazy_check_opens_no_file_and_reads_the_same_images(folder):
    with opened_files() as opened:
        lazy = read(folder, "lazy")
    assert not [name for name in opened if name.endswith(".png")]
    checked = read(folder, "copies", cache="none")
    places = lazy.train.draws(1).rows
    np.testing.assert_array_equal(places, checked.train.draws(1).rows)
    images = lazy.train.images(places)
    np.testing.assert_array_equal(images, checked.train.images(places))
    assert len({image.tobytes() for image in images}) == 9


def test_undecodable_files_are_listed_and_rejected_only_when_read(tmp_path):
    for number in range(SPARSE):
        path = tmp_path / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.truncate(path, 10**6)
    lazy = read(tmp_path, "lazy")
    assert lazy.train.num_examples == SPARSE
    assert not [line for line in lazy.describe() if "another format" in line]
    with pytest.raises(DataError, match=r"can be used.*data.check=copies.*jpg|jpg.*data"):
        lazy.train.images(np.array([7]))


def test_file_changed_since_listing_is_rejected_and_changes_the_split(folder):
    before = read(folder, "lazy")
    again = read(folder, "lazy")
    changed = Path(before.train.names[2])
    changed.write_bytes(changed.read_bytes()[::-1])  # as many bytes
    with pytest.raises(DataError, match=r"must not change .* its content has changed"):
        before.train.images(np.array([2]))
    assert before.train.images(np.array([3])).shape == (1, 32, 32, 3)
    after = read(folder, "lazy")
    assert before.train.fingerprint == again.train.fingerprint != after.train.fingerprint
    splits = [fingerprint_split(data._read.built.index) for data in (before, again, after)]
    assert splits[0] == splits[1] != splits[2]


@pytest.mark.parametrize(
    "options",
    [{"bit_depth": 12}, {"exif_orientation": "refuse"}, {"on_unreadable": "drop"}],
)
def test_settings_that_need_file_contents_are_rejected(folder, options):
    (name,) = options
    with pytest.raises(ConfigError, match=rf"data.{name}.*every file.*data.check='lazy'"):
        read(folder, "lazy", **options)
    assert read(folder, "off", **({} if name == "bit_depth" else options))


def test_missing_file_is_detected_at_once(folder):
    (folder / "cat" / "gone.png").symlink_to(folder / "nothing.png")
    with pytest.raises(DataError, match="can't be opened"):
        read(folder, "lazy")
