"""Folders that may be classes or splits: told apart, or asked about."""

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
def test_names_of_splits_are_known_however_they_are_written(names, store, tmp_path):
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
def test_in_doubt_it_is_asked_what_folders_are(names, said, store, tmp_path):
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


def test_splits_beside_another_folder_are_taken_where_that_is_typed(store, tmp_path):
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
def test_classes_with_names_like_these_are_classes(names, store, tmp_path):
    found = read(store, shelf(tmp_path / "data", names))
    assert found.index.class_names == tuple(sorted({name.split("/")[0] for name in names}))


def test_a_word_that_all_names_share_is_overlooked_unless_it_is_the_split():
    assert splits_of(["a_train", "a_test"]) == {"a_train": "train", "a_test": "test"}
    assert splits_of(["train", "train_old"]) == {"train": "train"}


def test_a_test_folder_of_splits_is_named(store, tmp_path):
    root = splits(tmp_path / "data", "train", "test")
    with pytest.raises(DataError, match=r"Try data\.test=.*data/test"):
        read(store, root / "train", test=str(root))


@pytest.mark.parametrize("other", ["data", "data/cat", "link"])
def test_no_folder_is_named_twice(other, store, tmp_path):
    root = shelf(tmp_path / "data", EACH)
    (tmp_path / "link").symlink_to(root)
    with pytest.raises(DataError, match=r"`data\.test` must contain other images than"):
        read(store, root, test=str(tmp_path / other))


def test_a_folder_above_the_right_one_is_answered_with_that(store, tmp_path):
    shelf(tmp_path / "all/isic", EACH)
    with pytest.raises(
        DataError, match=r"At least two classes.* try data.train=.*all/isic"
    ):
        read(store, tmp_path / "all")


@pytest.mark.parametrize("name", ["train", "train.csv"])
def test_a_path_with_backslashes_is_answered_with_slashes(name, store):
    with pytest.raises(DataError, match=f"Write paths with /: data/{name}\\."):
        read(store, Path(f"data\\{name}"))


def run_directory(folder: Path) -> None:
    """What a run leaves behind, with images of its own."""
    (folder / "checkpoints").mkdir(parents=True)
    for name in ("config.yaml", "environment.json", "metrics.jsonl"):
        (folder / name).touch()
    for name in ("samples.png", "curves.png"):
        smooth_image(77).save(folder / name)


def test_what_keraunos_wrote_is_no_class(store, tmp_path):
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


def test_a_class_that_is_called_runs_is_one(store, tmp_path):
    found = read(store, shelf(tmp_path / "data", ["runs", "walks"]))
    assert found.index.class_names == ("runs", "walks")


def test_folders_of_the_system_and_hidden_ones_are_left_out_with_a_word(store, tmp_path):
    names = [*EACH, "__other__", "__MACOSX/cat", ".old", ".empty"]
    root = shelf(tmp_path / "data", names)
    shutil.rmtree(root / ".empty")
    (root / ".empty").mkdir()
    found = read(store, root)
    assert found.index.class_names == ("__other__", *EACH)
    assert "skipped folders, made by the system: __MACOSX" in found.remarks
    assert "skipped folders, hidden: .old" in found.remarks


def test_a_class_that_is_a_link_to_nothing_ends_the_run(store, tmp_path):
    root = shelf(tmp_path / "data", EACH)
    (root / "emu").symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match="broken links: emu"):
        read(store, root)


def test_a_class_that_is_a_link_to_another_is_two_labels_of_the_same(store, tmp_path):
    root = shelf(tmp_path / "data", EACH)
    (root / "emu").symlink_to(root / "cat")
    with pytest.raises(DataError, match="filed under two classes"):
        read(store, root)


@pytest.mark.parametrize(
    "pair", [("caf\u00e9", "cafe\u0301"), ("a", "\u0430"), ("1", "1.0")]
)
def test_classes_that_look_the_same_are_refused(pair, store, tmp_path):
    root = shelf(tmp_path / "data", pair)
    with pytest.raises(DataError, match="must differ visibly"):
        read(store, root)


def test_deep_and_loose_images_are_remarked_upon(store, tmp_path):
    root = shelf(tmp_path / "data", ["animals/cat", "animals/dog", "vehicles/car"])
    smooth_image(9).save(root / "loose.png")
    lines = "\n".join(read(store, root).remarks)
    assert "1 file outside the class folders, skipped" in lines
    assert "1 class has all images in subfolders" in lines


def test_images_without_extension_are_found_by_content_where_that_is_asked(store, tmp_path):
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
