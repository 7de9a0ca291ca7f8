"""Dropped images and the reasons: in dropped.csv, in errors, and in the output of a run."""

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers import make_images, smooth_image
from keraunos import DataError, ImageData
from keraunos.core.store import Store
from keraunos.data.audit.audit import audit_folders
from keraunos.data.audit.findings import findings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Folders train, validation and test with one fault of each kind."""
    for seed, (name, count) in enumerate({"train": 9, "validation": 3, "test": 4}.items()):
        make_images(tmp_path / name, {"cat": count, "dog": count + 2}, seed=seed)
    train = tmp_path / "train"
    (train / "cat/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    shutil.copy(train / "cat/cat-000.png", train / "dog/conflict.png")
    shutil.copy(train / "dog/dog-001.png", tmp_path / "validation/dog/leak.png")
    shutil.copy(train / "dog/dog-002.png", tmp_path / "test/dog/leak.png")
    return tmp_path


def read(root: Path, **options: Any) -> ImageData:
    return ImageData.from_folder(
        root / "train",
        validation=root / "validation",
        test=root / "test",
        image_size=32,
        cache="none",
        cache_dir=root / "cache",
        **options,
    )


DROP = {"on_unreadable": "drop", "on_conflict": "drop", "on_leak": "drop"}


def test_dropped_csv_lists_each_image_with_policy_and_reason(root: Path) -> None:
    read(root, **DROP).write_tables(root)
    with (root / "dropped.csv").open(newline="") as file:
        rows = {
            str(Path(row["path"]).relative_to(root)): (row["policy"], row["reason"])
            for row in csv.DictReader(file)
        }
    policy, reason = rows.pop("train/cat/broken.png")
    assert policy == "on_unreadable"
    assert reason
    assert rows == {
        f"train/{name}": (policy, f"the same image as {root / other}")
        for name, policy, other in (
            ("cat/cat-000.png", "on_conflict", "train/dog/conflict.png"),
            ("dog/conflict.png", "on_conflict", "train/cat/cat-000.png"),
            ("dog/dog-001.png", "on_leak", "validation/dog/leak.png"),
            ("dog/dog-002.png", "on_leak", "test/dog/leak.png"),
        )
    }


def test_one_error_lists_all_faults_and_remedies(root: Path) -> None:
    with pytest.raises(DataError) as error:
        read(root)
    for words in (
        "1 image can't be decoded",
        "2 images are filed under two classes",
        "2 training images are also held out for validation or test",
        'on_unreadable="drop", on_conflict="drop", on_leak="drop"',
    ):
        assert words in str(error.value), words


def test_each_policy_affects_only_its_own_fault(root: Path) -> None:
    with pytest.raises(DataError) as error:
        read(root, on_unreadable="drop", on_leak="keep")
    assert "filed under two classes" in str(error.value)
    assert "decoded" not in str(error.value)
    assert "held out" not in str(error.value)


@pytest.mark.parametrize(
    ("copied", "said"),
    [
        (["cat-000.png"], "or drop these images: on_conflict=.drop"),
        (["cat-000.png", "cat-001.png"], "would leave fewer than two classes"),
    ],
)
def test_advice_never_suggests_dropping_a_whole_class(copied, said, tmp_path: Path) -> None:
    root = make_images(tmp_path / "train", {"cat": 2, "dog": 3})
    for name in copied:
        shutil.copy(root / "cat" / name, root / "dog" / name)
    options = {"validation_split": 0.0, "image_size": 32, "cache_dir": tmp_path / "cache"}
    with pytest.raises(DataError, match=said):
        ImageData.from_folder(root, **options)
    make_images(root, {"emu": 3, "fox": 2}, seed=5)
    wanted = said if len(copied) < 2 else "would remove all training images of cat"
    with pytest.raises(DataError, match=wanted):
        ImageData.from_folder(root, **options)
    spoiling = [
        f for f in findings(audit_folders([root], Store(tmp_path / "c", 10**9))) if f.spoils
    ]
    assert ("remove all images of cat" in spoiling[0].advice) == (len(copied) > 1)


def test_conflicts_are_dropped_from_validation_but_kept_in_test(
    root: Path,
) -> None:
    for name in ("validation", "test"):
        shutil.copy(root / "train/cat/cat-003.png", root / name / "dog/conflict.png")
    data = read(root, **DROP)
    assert data.validation is not None
    assert data.test is not None
    train, validation, test = (
        {Path(name).name for name in split.names}
        for split in (data.train, data.validation, data.test)
    )
    assert "conflict.png" not in validation
    assert "conflict.png" in test
    assert "cat-003.png" not in train


def test_check_off_detects_only_unreadable_images(root: Path) -> None:
    data = read(root, check="off", on_unreadable="drop")
    assert data.train.num_examples == 9 + 11 + 1
    with pytest.raises(DataError, match=r"on_unreadable=.drop.$"):
        read(root, check="off")


@pytest.mark.parametrize("seed", range(4))
def test_near_copies_stay_in_one_split_without_an_error(tmp_path: Path, seed: int) -> None:
    """Each of ten photographs occurs twice, re-encoded; two are under two classes."""
    folders = [tmp_path / "train" / name for name in ("cat", "dog")]
    for folder in folders:
        folder.mkdir(parents=True)
    for number in range(10):
        image, folder = smooth_image(number), folders[number % 2]
        image.save(folder / f"{number}.png")
        other = folders[0] if number < 2 else folder
        image.save(other / f"{number}-again.jpg", quality=60)
    options: dict[str, Any] = {"image_size": 32, "cache": "none", "seed": seed}
    data = ImageData.from_folder(
        tmp_path / "train", check="full", cache_dir=tmp_path / "cache", **options
    )
    assert data.validation is not None
    sides = [
        {Path(name).stem.split("-")[0] for name in split.names}
        for split in (data.train, data.validation)
    ]
    assert sides[1]
    assert sides[0].isdisjoint(sides[1])
    assert data.train.num_examples + data.validation.num_examples == 20


def test_class_left_with_few_training_images_is_reported(tmp_path: Path) -> None:
    train = make_images(tmp_path / "train", {"cat": 9, "dog": 9, "emu": 7, "gnu": 6})
    for number in range(3):
        (train / "emu" / f"emu-00{number}.png").write_bytes(b"")
    options: dict[str, Any] = {"image_size": 32, "on_unreadable": "drop"}
    data = ImageData.from_folder(train, cache_dir=tmp_path / "cache", **options)
    assert "fewer than 5 training images are left of emu (3)" in data.describe()


def test_error_of_a_too_small_class_mentions_dropped_images(
    tmp_path: Path,
) -> None:
    root = make_images(tmp_path / "train", {"cat": 3, "dog": 4})
    shutil.copy(root / "cat/cat-000.png", root / "dog")
    (root / "cat/cat-001.png").write_bytes(b"no image")
    options = {**DROP, "image_size": 32, "cache_dir": tmp_path / "cache"}
    why = (
        r"have fewer: cat\. Received: images={'cat': 1}\. Images were dropped before: 1 of "
        r"cat by data\.on_(unreadable|conflict), 1 of cat by data\.on_\w+\. Add images"
    )
    with pytest.raises(DataError, match=why):
        ImageData.from_folder(root, validation_split=0.5, **options)
    data = ImageData.from_folder(root, validation_split=0.0, **options)
    with pytest.raises(DataError, match=why):
        data.fold(1, 2)
    (root / "cat/cat-002.png").write_bytes(b"no image either")
    with pytest.raises(
        DataError, match=r"two classes.*dropped before: 2 of cat by data\.on_u"
    ):
        ImageData.from_folder(root, validation_split=0.0, **options)
