"""Copies, contradictions, leaks and unreadable files, by each policy."""

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import contents, make_images
from keraunos import DataError, ImageData


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes, ten images each, and a test set."""
    make_images(tmp_path / "train", {"cat": 10, "dog": 10}, seed=0)
    make_images(tmp_path / "test", {"cat": 3, "dog": 3}, seed=1)
    return tmp_path


def read(root: Path, **options: Any) -> ImageData:
    test = root / "test"
    return ImageData.from_folder(root / "train", test=test, image_size=32, **options)


def names_of(data: ImageData) -> dict[str, set[str]]:
    splits = {"train": data.train, "validation": data.validation, "test": data.test}
    return {name: {Path(p).name for p in split.names} for name, split in splits.items()}


def dropped(data: ImageData, folder: Path) -> dict[str, str]:
    data.write_tables(folder)
    with open(folder / "dropped.csv", newline="") as file:
        return {Path(row["path"]).name: row["policy"] for row in csv.DictReader(file)}


@pytest.mark.parametrize("seed", range(6))
def test_copies_stay_in_one_split(root: Path, seed: int) -> None:
    for number in range(4):
        original = root / "train" / "cat" / f"cat-00{number}.png"
        for copy in range(number + 1):
            shutil.copy(original, original.with_name(f"copy-{number}-{copy}.png"))
    found = names_of(read(root, seed=seed))
    for number in range(4):
        group = {
            f"cat-00{number}.png",
            *(f"copy-{number}-{c}.png" for c in range(number + 1)),
        }
        assert group <= found["train"] or group <= found["validation"]


@pytest.mark.parametrize("policy", ["drop", "keep", "error"])
def test_image_under_two_classes_follows_the_conflict_policy(
    root: Path, policy: Any
) -> None:
    shutil.copy(root / "train/cat/cat-000.png", root / "train/dog/same.png")
    before = contents(root)
    if policy == "error":
        with pytest.raises(
            DataError, match=r"(?s)cat-000\.png.*on_conflict=.drop"
        ) as error:
            read(root)
        assert error.value.exit_code == 3
        assert "same.png" in str(error.value)
    else:
        data = read(root, on_conflict=policy)
        found = names_of(data)
        everywhere = found["train"] | found["validation"]
        both = {"cat-000.png", "same.png"}
        assert both & everywhere == (set() if policy == "drop" else both)
        left_out = dropped(data, root)
        assert left_out == (dict.fromkeys(both, "on_conflict") if policy == "drop" else {})
        for name in ("split.csv", "dropped.csv", ".checksums"):
            (root / name).unlink()
    assert contents(root) == before


@pytest.mark.parametrize("policy", ["drop", "keep", "error"])
def test_training_image_in_test_follows_the_leak_policy(root: Path, policy: Any) -> None:
    shutil.copy(root / "train/cat/cat-001.png", root / "test/cat/leaked.png")
    if policy == "error":
        with pytest.raises(DataError, match=r"(?s)cat-001\.png.*on_leak=.drop"):
            read(root)
        return
    data = read(root, on_leak=policy)
    found = names_of(data)
    assert "leaked.png" in found["test"]
    is_there = "cat-001.png" in found["train"] | found["validation"]
    assert is_there == (policy == "keep")
    if policy == "drop":
        assert dropped(data, root) == {"cat-001.png": "on_leak"}


def test_test_set_is_kept_whole_and_marks_contradictory_images(root: Path) -> None:
    shutil.copy(root / "train/cat/cat-002.png", root / "test/dog/other.png")
    data = read(root, on_conflict="drop", on_leak="drop")
    marked = np.array(data.test.names)[data.test.contradictory]
    assert [Path(name).name for name in marked] == ["other.png"]
    found = names_of(data)
    assert "cat-002.png" not in found["train"] | found["validation"]


def test_unreadable_images_follow_the_policy(root: Path) -> None:
    (root / "train/dog/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no image")
    (root / "train/cat/empty.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"(?s)on_unreadable=.drop") as error:
        read(root)
    assert "broken.jpg" in str(error.value)
    assert "empty.png" in str(error.value)
    data = read(root, on_unreadable="drop")
    assert dropped(data, root) == {
        "broken.jpg": "on_unreadable",
        "empty.png": "on_unreadable",
    }
    assert data.train.num_examples + data.validation.num_examples == 20


@pytest.mark.parametrize("seed", range(4))
def test_validation_split_is_stratified_and_reproducible(root: Path, seed: int) -> None:
    make_images(root / "train", {"emu": 3}, seed=9)
    make_images(root / "test", {"emu": 1}, seed=8)
    data = read(root, validation_split=0.2, seed=seed)
    held = np.bincount(data.validation.labels, minlength=3)
    np.testing.assert_array_equal(held, [2, 2, 1])
    assert names_of(data) == names_of(read(root, validation_split=0.2, seed=seed))


def test_class_list_comes_from_the_training_folder(root: Path) -> None:
    shutil.rmtree(root / "test/cat")
    data = read(root)
    assert data.class_names == ("cat", "dog")
    assert set(data.test.labels.tolist()) == {1}
    make_images(root / "test", {"gnu": 1})
    with pytest.raises(DataError, match="gnu"):
        read(root)
