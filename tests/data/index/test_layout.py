"""Folders are recognized as classes or splits; ambiguous ones are rejected."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from helpers import smooth_image
from keraunos import DataError
from keraunos.configs import DataConfig
from keraunos.core.store import Store
from keraunos.data.audit.audit import audit_folders
from keraunos.data.index.build_index import BuiltIndex, build_index
from keraunos.data.index.image_index import SPLIT_NAMES
from keraunos.data.index.split_names import splits_of

EACH = ("cat", "dog")


def shelf(root: Path, folders: Iterable[str], count: int = 2) -> Path:
    """Different images in each of these folders."""
    for number, name in enumerate(folders):
        (root / name).mkdir(parents=True)
        for copy in range(count):
            image = smooth_image(100 * number + copy, 24, 24)
            image.save(root / name / f"{number}-{copy}.png")
    return root


def splits(root: Path, *names: str) -> Path:
    return shelf(root, [f"{name}/{each}" for name in names for each in EACH])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache", 10**9)


def read(store: Store, train: Path, **settings: object) -> BuiltIndex:
    return build_index(DataConfig(train=str(train), **settings), 0, store)


def counts(found: BuiltIndex) -> dict[str, int]:
    return {
        name: int((found.index.splits == place).sum())
        for place, name in enumerate(SPLIT_NAMES)
        if (found.index.splits == place).any()
    }


@pytest.mark.parametrize(
    "names",
    [
        ("Train", "Validate", "Test"),
        ("training_set", "dev_set", "test_set"),
        ("TRAIN", "valid", "testing"),
        ("train", "dev", "test"),
        ("ISIC-2017_Training_Data", "ISIC-2017_Validation_Data", "ISIC-2017_Test_v2_Data"),
        ("train2017", "val2017", "test2017"),
        ("images.train", "images.val", "images.test"),
        ("trainingset", "valset", "TestSet"),
    ],
)
def test_split_folder_names_are_recognized_in_many_spellings(names, store, tmp_path):
    if any("v2" in name for name in names):  # a word that only one of them has
        with pytest.raises(DataError, match="are named like splits"):
            read(store, splits(tmp_path / "data", *names))
        return
    found = read(store, splits(tmp_path / "data", *names))
    assert found.index.class_names == EACH
    assert counts(found) == {"train": 4, "validation": 4, "test": 4}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("train", "test", "extra"), ", next to extra"),
        (("train", "eval"), "it is unclear which splits eval are"),
        (("train", "training", "test"), "train, training denote the same split"),
        (("val", "test"), "rename them to train, val and test"),
        (("train", "images"), "train is named like a split and contains folders"),
        (("fold-a", "fold-b"), "contain folders of the same names (cat, dog)"),
        (("cat", "dog", "emu"), "contain folders of the same names (cat, dog)"),
    ],
)
def test_ambiguous_folders_are_rejected_until_a_layout_is_set(names, said, store, tmp_path):
    root = splits(tmp_path / "data", *names)
    with pytest.raises(DataError) as error:
        read(store, root)
    assert said in str(error.value)
    assert "data.layout=classes takes" in str(error.value)
    with pytest.raises(DataError, match="--layout=classes takes"):
        audit_folders([root], store)
    as_classes = read(store, root, layout="classes", validation_split=0.0)
    assert as_classes.index.class_names == tuple(sorted(names))
    assert audit_folders([root], store, layout="classes").class_names == tuple(
        sorted(names)
    )


def test_layout_splits_ignores_other_folders_next_to_the_splits(store, tmp_path):
    root = splits(tmp_path / "data", "train", "test", "extra")
    with pytest.raises(DataError, match="layout=splits takes train as train, test as test"):
        read(store, root)
    found = read(store, root, layout="splits")
    assert found.index.class_names == EACH
    assert any("next to the splits: extra" in line for line in found.remarks)
    assert list(audit_folders([root], store, layout="splits").roots) == ["train", "test"]


@pytest.mark.parametrize(
    "names",
    [
        ("bus", "car", "train"),
        ("control", "test"),
        ("invalid", "valid"),
        ("cat/images", "dog/images"),
        ("animals/cat", "vehicles/car"),
        ("dev", "ops", "sales"),
        ("test1", "test2", "test3"),
    ],
)
def test_class_names_resembling_splits_are_classes(names, store, tmp_path):
    found = read(store, shelf(tmp_path / "data", names))
    assert found.index.class_names == tuple(sorted({name.split("/")[0] for name in names}))


def test_shared_prefix_is_ignored_unless_it_names_the_split():
    assert splits_of(["a_train", "a_test"]) == {"a_train": "train", "a_test": "test"}
    assert splits_of(["train", "train_old"]) == {"train": "train"}


def test_parent_folder_as_test_data_suggests_its_test_subfolder(store, tmp_path):
    root = splits(tmp_path / "data", "train", "test")
    with pytest.raises(DataError, match=r"Try data\.test=.*data/test"):
        read(store, root / "train", test=str(root))


@pytest.mark.parametrize("other", ["data", "data/cat", "link"])
def test_train_and_test_folders_must_not_overlap(other, store, tmp_path):
    root = shelf(tmp_path / "data", EACH)
    (tmp_path / "link").symlink_to(root)
    with pytest.raises(DataError, match=r"`data\.test` must contain other images than"):
        read(store, root, test=str(tmp_path / other))


def test_parent_of_the_data_folder_suggests_the_right_subfolder(store, tmp_path):
    shelf(tmp_path / "all/isic", EACH)
    with pytest.raises(
        DataError, match=r"At least two classes.* try data.train=.*all/isic"
    ):
        read(store, tmp_path / "all")


@pytest.mark.parametrize("name", ["train", "train.csv"])
def test_path_with_backslashes_suggests_slashes(name, store):
    with pytest.raises(DataError, match=f"Write paths with /: data/{name}\\."):
        read(store, Path(f"data\\{name}"))


def run_directory(folder: Path) -> None:
    """The files of a run, which include images."""
    (folder / "checkpoints").mkdir(parents=True)
    for name in ("config.yaml", "environment.json", "metrics.jsonl"):
        (folder / name).touch()
    for name in ("samples.png", "curves.png"):
        smooth_image(77).save(folder / name)


def test_folders_written_by_keraunos_are_not_classes(store, tmp_path):
    root = shelf(tmp_path / "data", EACH)
    run_directory(root / "runs/classify-001")
    (root / "runs/classify-002").mkdir()  # was only just made
    run_directory(root / "mine")
    run_directory(root / "cat/run")  # within a class
    Store(root / "cache", 10**9).claim()
    (root / "cache/files.sqlite").touch()
    found = read(store, root)
    assert found.index.class_names == EACH
    assert len(found.index) == 4
    assert "skipped folders, made by Keraunos: cache, mine, runs" in found.remarks
    audit = audit_folders([root], store)
    assert audit.class_names == EACH
    assert "skipped folders, made by Keraunos: cache, mine, runs" in audit.remarks


def test_class_may_be_named_runs(store, tmp_path):
    found = read(store, shelf(tmp_path / "data", ["runs", "walks"]))
    assert found.index.class_names == ("runs", "walks")


def test_system_and_hidden_folders_are_skipped_with_a_remark(store, tmp_path):
    names = [*EACH, "__other__", "__MACOSX/cat", ".old", ".empty"]
    root = shelf(tmp_path / "data", names)
    shutil.rmtree(root / ".empty")
    (root / ".empty").mkdir()
    found = read(store, root)
    assert found.index.class_names == ("__other__", *EACH)
    assert "skipped folders, made by the system: __MACOSX" in found.remarks
    assert "skipped folders, hidden: .old" in found.remarks


def test_broken_symlink_as_class_folder_is_rejected(store, tmp_path):
    root = shelf(tmp_path / "data", EACH)
    (root / "emu").symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match="broken links: emu"):
        read(store, root)


def test_symlink_to_another_class_is_a_label_conflict(store, tmp_path):
    root = shelf(tmp_path / "data", EACH)
    (root / "emu").symlink_to(root / "cat")
    with pytest.raises(DataError, match="filed under two classes"):
        read(store, root)


@pytest.mark.parametrize(
    "pair", [("caf\u00e9", "cafe\u0301"), ("a", "\u0430"), ("1", "1.0")]
)
def test_visually_identical_class_names_are_rejected(pair, store, tmp_path):
    root = shelf(tmp_path / "data", pair)
    with pytest.raises(DataError, match="must differ visibly"):
        read(store, root)


def test_nested_and_unfiled_images_are_reported(store, tmp_path):
    root = shelf(tmp_path / "data", ["animals/cat", "animals/dog", "vehicles/car"])
    smooth_image(9).save(root / "loose.png")
    lines = "\n".join(read(store, root).remarks)
    assert "1 file outside the class folders, skipped" in lines
    assert "1 class has all images in subfolders" in lines


def test_images_without_extension_can_be_found_by_content(store, tmp_path):
    root = shelf(tmp_path / "data", EACH)
    for file in root.rglob("*.png"):
        file.rename(file.with_suffix(""))
    (root / "cat/notes").write_text("no image")
    with pytest.raises(DataError, match=r"5 of \(none\) .*data.find_images_by=content"):
        read(store, root)
    found = read(store, root, find_images_by="content")
    assert len(found.index) == 4
    assert "skipped because of their extensions: 1 of (none)" in found.remarks
    audit = audit_folders([root], store, find_images_by="content")
    assert len(audit.paths) == 4
    assert not audit.properties.mislabeled
