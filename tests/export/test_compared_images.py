"""Exports are compared on real images of all classes, as the bytes of their files."""

from pathlib import Path
from typing import Any

import keraunos as kr
import numpy as np
import pytest
from checked_exports import CLASSES, SIZE, read_images
from helpers import make_images
from keraunos.cli.main import main
from keraunos.core.errors import ConfigError, DataError
from keraunos.data.files.decode import decode
from keraunos.export.compared_images import choose_images, spread_over_classes


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> kr.ImageData:
    return read_images(tmp_path_factory.mktemp("images"))


@pytest.mark.parametrize(
    ("counts", "least", "chosen"),
    [
        ((100, 100, 100), 64, (22, 22, 22)),
        ((1000, 3, 20), 64, (41, 3, 20)),
        ((5, 0, 2), 64, (5, 0, 2)),
        ((500, 1, 0), 1, (1, 1, 0)),
        ((7,) * 100, 64, (1,) * 100),
    ],
)
def test_selection_covers_all_classes_evenly(
    counts: tuple[int, ...], least: int, chosen: tuple[int, ...]
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    places = spread_over_classes(labels, least)
    assert np.bincount(labels[places], minlength=len(counts)).tolist() == list(chosen)
    assert (np.diff(places) > 0).all()
    if chosen[0] > 1:
        assert {0, counts[0] - 1} <= set(places.tolist())


def test_reference_files_are_byte_copies_of_the_originals(data: Any) -> None:
    images = choose_images(data)
    assert images.split_name == "test"
    probabilities = np.full((15, 3), 1 / 3)
    with images.reference(probabilities) as reference:
        folder = reference.files[0].parent
        for file, name in zip(reference.files, reference.names, strict=True):
            assert file.read_bytes() == Path(name).read_bytes()
            assert file.suffix == Path(name).suffix
        assert list(reference.labels) == [
            CLASSES.index(Path(n).parent.name) for n in reference.names
        ]
    assert not folder.exists()
    assert images.pixels.shape == (15, SIZE, SIZE, 3)


def test_validation_split_is_used_without_a_test_split(
    tmp_path: Path,
) -> None:
    folder = make_images(tmp_path / "train", {"cat": 6, "dog": 6})
    data = kr.ImageData.from_folder(
        folder, image_size=32, validation_split=0.3, cache_dir=tmp_path / "cache"
    )
    images = choose_images(data)
    assert images.split_name == "validation"
    assert set(images.split.names) == set(data.validation.names)
    assert choose_images(data.train).split_name == "data"
    alone = kr.ImageData.from_folder(
        folder, image_size=32, validation_split=0.0, cache_dir=tmp_path / "cache"
    )
    for nothing in (alone, np.zeros(3)):
        with pytest.raises(ConfigError, match="images of the test or validation split"):
            choose_images(nothing)


@pytest.mark.parametrize("what", ["gone", "changed"])
def test_deleted_or_changed_images_are_an_error(tmp_path: Path, what: str) -> None:
    images = choose_images(read_images(tmp_path))
    file = tmp_path / "test" / "dog" / "2.jpg"
    if what == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes() + b"\0")
    with (
        pytest.raises(DataError, match="must not change"),
        images.reference(np.full((15, 3), 1 / 3)),
    ):
        pass


def test_images_in_record_files_are_supported(tmp_path: Path) -> None:
    pytest.importorskip("array_record")
    folder = make_images(tmp_path / "images", {"cat": 4, "dog": 3})
    assert main(["pack", str(folder), str(tmp_path / "packed")]) == 0
    (table,) = (tmp_path / "packed").glob("*.csv")
    data = kr.ImageData.from_csv(
        table, image_size=32, validation_split=0.5, cache_dir=tmp_path / "cache"
    )
    images = choose_images(data)
    assert all("array_record/" in name for name in images.split.names)
    with images.reference(np.full((len(images.places), 2), 0.5)) as reference:
        decoded = [decode(file.read_bytes(), 32) for file in reference.files]
    assert (np.stack(decoded) == images.pixels).all()
