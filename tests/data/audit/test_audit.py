import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import smooth_image
from keraunos.configs import DataConfig
from keraunos.core.errors import DataError
from keraunos.core.store import Store
from keraunos.data.audit.audit import audit_folders
from keraunos.data.audit.findings import findings, spoils_a_run, to_json
from keraunos.data.index.build_index import build_index
from PIL import ExifTags, Image


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache", 10**9)


@pytest.fixture
def shelf(tmp_path):
    """Folders train (cat 3, dog 2) and test (cat 1, dog 2), all images unrelated."""
    root = tmp_path / "shelf"
    names = ("train/cat", "train/cat", "train/cat", "train/dog", "train/dog")
    for seed, name in enumerate([*names, "test/cat", "test/dog", "test/dog"]):
        (root / name).mkdir(parents=True, exist_ok=True)
        smooth_image(seed).save(root / name / f"{seed}.png")
    return root


@pytest.fixture
def report(shelf, store):
    """Audits the shelf, and returns the findings as in their JSON file.

    Paths are relative to the shelf.
    """

    def run(*folders, check="full"):
        roots = [shelf / folder for folder in folders or ["."]]
        text = json.dumps(to_json(audit_folders(roots, store, check)))
        return json.loads(text.replace(f"{shelf}/", ""))

    return run


def copies(report):
    return {name: report[name] for name in ("duplicates", "conflicts", "leaks")}


NO_COPIES = {
    name: {"exact": [], "near": []} for name in ("duplicates", "conflicts", "leaks")
}


def test_clean_images_yield_no_findings(shelf, store, report):
    found = report()
    assert (found["files"], copies(found)) == (8, NO_COPIES)
    assert found["classes"] == {"train": {"cat": 3, "dog": 2}, "test": {"cat": 1, "dog": 2}}
    assert found["imbalance"] == {"train": 1.5, "test": 2.0}
    assert (found["unreadable"], found["spoils"], found["remarks"]) == ({}, [], [])
    assert findings(audit_folders([shelf], store)) == []


COPIES = {
    "in the same class": ("train/cat/x.png", {"duplicates"}),
    "in another class": ("train/dog/x.png", {"duplicates", "conflicts"}),
    "in another split": ("test/cat/x.png", {"duplicates", "leaks"}),
    "in another split and class": ("test/dog/x.png", {"duplicates", "conflicts", "leaks"}),
}


@pytest.mark.parametrize(("target", "kinds"), COPIES.values(), ids=COPIES)
def test_byte_identical_copy_is_classified_by_its_location(target, kinds, shelf, report):
    shutil.copy(shelf / "train/cat/1.png", shelf / target)
    found = report()
    group = {"exact": [["train/cat/1.png", target]], "near": []}
    assert copies(found) == NO_COPIES | dict.fromkeys(kinds, group)
    assert bool(found["spoils"]) == (kinds != {"duplicates"})


@pytest.mark.parametrize(("target", "kinds"), COPIES.values(), ids=COPIES)
def test_near_copy_is_classified_by_its_location(target, kinds, shelf, report):
    target = target.replace(".png", ".jpg")
    Image.open(shelf / "train/cat/1.png").save(shelf / target, quality=30)
    found = report()
    group = {"exact": [], "near": [["train/cat/1.png", target]]}
    assert copies(found) == NO_COPIES | dict.fromkeys(kinds, group)
    assert bool(found["spoils"]) == (kinds != {"duplicates"})


def test_check_copies_does_not_search_for_near_copies(shelf, report):
    Image.open(shelf / "train/cat/1.png").save(shelf / "test/dog/x.jpg", quality=30)
    assert copies(report(check="copies")) == NO_COPIES


def test_identical_pixels_in_another_format_count_as_exact_copy(shelf, report):
    Image.open(shelf / "train/dog/4.png").save(shelf / "test/cat/x.bmp")
    assert report()["leaks"]["exact"] == [["train/dog/4.png", "test/cat/x.bmp"]]


def test_near_copy_group_includes_exact_copies(shelf, report):
    shutil.copy(shelf / "train/cat/0.png", shelf / "train/cat/copy.png")
    Image.open(shelf / "train/cat/0.png").save(shelf / "train/cat/small.jpg", quality=40)
    group = ["train/cat/0.png", "train/cat/copy.png", "train/cat/small.jpg"]
    assert report()["duplicates"] == {"exact": [group[:2]], "near": [group]}


def test_conflicting_files_are_counted_per_class(shelf, store):
    shutil.copy(shelf / "train/cat/0.png", shelf / "train/dog/x.png")
    shutil.copy(shelf / "train/cat/0.png", shelf / "train/cat/x.png")
    Image.open(shelf / "train/cat/1.png").save(shelf / "test/dog/x.jpg", quality=30)
    shutil.copy(shelf / "train/cat/2.png", shelf / "test/cat/x.png")
    assert audit_folders([shelf], store).conflict_counts() == {
        "train": {"cat": 3, "dog": 1},
        "test": {"cat": 0, "dog": 1},
    }


@pytest.mark.parametrize(
    ("target", "setting"),
    [("test/cat/x.png", "data.on_leak=drop"), ("train/dog/x.png", "data.on_conflict=drop")],
)
def test_advised_setting_resolves_the_finding(target, setting, shelf, store):
    shutil.copy(shelf / "train/cat/1.png", shelf / target)
    spoiling, harmless = findings(audit_folders([shelf], store))
    assert spoiling.advice.startswith(setting)
    assert not harmless.spoils
    name, policy = setting.removeprefix("data.").split("=")
    folders = {"train": str(shelf / "train"), "test": str(shelf / "test")}
    with pytest.raises(DataError, match=setting):
        build_index(DataConfig(**folders, validation=folders["test"]), 0, store)
    config = DataConfig(**folders, validation=folders["test"], **{name: policy})
    assert len(build_index(config, 0, store).dropped) == 1 + (name == "on_conflict")


UNREADABLE = {
    "empty": (b"", "the file is empty"),
    "html": (b"<!DOCTYPE html><p>not found", "it is a web page"),
    "heic": (b"\0\0\0\x18ftypheic", "convert it to JPEG"),
    "text": (b"hello", "no known image format"),
    "truncated": (None, "truncated"),
}


@pytest.mark.parametrize(("content", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_file_is_reported_with_its_reason(content, reason, shelf, report):
    if content is None:
        smooth_image(50).save(shelf / "whole.jpg")
        content = (shelf / "whole.jpg").read_bytes()[:-900]
    (shelf / "test/cat/bad.jpg").write_bytes(content)
    found = report("train", "test")
    assert list(found["unreadable"]) == ["test/cat/bad.jpg"]
    assert reason in found["unreadable"]["test/cat/bad.jpg"]
    assert found["spoils"] == ["1 file can't be decoded"]
    assert found["files"] == 9


def test_wrong_extension_is_reported_but_does_not_spoil_a_run(shelf, report):
    smooth_image(50).save(shelf / "train/cat/liar.jpg", "PNG")
    smooth_image(51).save(shelf / "train/cat/honest.jpeg")
    found = report()
    assert found["mislabeled"] == {"train/cat/liar.jpg": "it is a PNG named .jpg"}
    assert found["spoils"] == []


def test_skipped_files_are_counted(shelf, report):
    for name in ("train/cat/a.heic", "train/dog/b.HEIC", "test/cat/notes.txt"):
        (shelf / name).write_text("x")
    smooth_image(50).save(shelf / "train/loose.png")
    found = report()
    assert found["ignored"] == {".heic": 2, ".txt": 1}
    assert "1 file outside the class folders, skipped" in found["remarks"]
    assert found["files"] == 8


CLASS_LISTS = {
    "case": ("test/Dog", "test has classes that train lacks: Dog", True),
    "alike": ("test/Dog", "differ only in upper and lower case: Dog, dog", True),
    "extra": ("test/emu", "test has classes that train lacks: emu", True),
    "missing": ("train/emu", "test lacks classes that train has: emu", False),
}


@pytest.mark.parametrize(
    ("folder", "text", "spoils"), CLASS_LISTS.values(), ids=CLASS_LISTS
)
def test_class_differences_between_splits_are_reported(folder, text, spoils, shelf, report):
    (shelf / folder).mkdir()
    for number in (50, 51):
        smooth_image(number).save(shelf / folder / f"{number}.png")
    found = report()
    assert any(text in each for each in found["spoils" if spoils else "remarks"])
    assert bool(found["spoils"]) == spoils


def test_empty_class_folder_would_spoil_a_run(shelf, report):
    (shelf / "test/emu").mkdir()
    (shelf / "train/emu").mkdir()
    assert report()["spoils"] == [
        "train has class folders without images: emu",
        "test has class folders without images: emu",
    ]


def test_single_class_or_single_image_class_would_spoil_a_run(shelf, report):
    found = report("test")
    assert found["spoils"] == [
        "test has classes with a single image, which can't be held out: cat"
    ]
    shutil.rmtree(shelf / "test/cat")
    assert report("test")["spoils"] == ["test has one class, but at least two are needed"]


def test_folders_are_labeled_by_their_split_names(shelf, report):
    shutil.copytree(shelf / "test", shelf / "Val")
    shutil.copytree(shelf / "test", shelf / "elsewhere/test")
    found = report("test", "train", "Val", "elsewhere/test")
    assert list(found["folders"]) == ["test", "train", "validation", "elsewhere/test"]


def test_layout_classes_treats_every_folder_as_a_class(shelf, store):
    shutil.copytree(shelf / "train/cat", shelf / "emu")
    counts = audit_folders([shelf], store, layout="classes").class_counts()
    assert counts == {"shelf": {"emu": 3, "test": 3, "train": 5}}


def test_huge_rotated_and_cmyk_images_are_reported_as_remarks(shelf, report):
    smooth_image(50, 2400, 2000).save(shelf / "train/cat/giant.jpg")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    smooth_image(51).save(shelf / "train/cat/turned.jpg", exif=exif)
    smooth_image(52).convert("CMYK").save(shelf / "train/cat/print.jpg")
    found = report()
    assert list(found["giants"]) == ["train/cat/giant.jpg"]
    assert "2400 x 2000 pixels, 444 times" in found["giants"]["train/cat/giant.jpg"]
    assert found["orientations"] == {"1": 10, "6": 1}
    assert found["modes"] == {"RGB": 10, "CMYK": 1}
    assert found["formats"] == {"PNG": 8, "JPEG": 3}
    assert found["sizes"] == {"width": [120, 120, 2400], "height": [90, 90, 2000]}
    assert len(found["remarks"]) == 3
    assert found["spoils"] == []


@pytest.mark.parametrize(
    ("folder", "what"), [("nowhere", "exist"), ("train/cat", "one folder per class")]
)
def test_a_folder_without_class_folders_is_an_error(folder, what, shelf, store):
    with pytest.raises(DataError, match=what):
        audit_folders([shelf / folder], store)


@pytest.mark.slow
def test_audit_does_not_import_tensorflow(shelf, tmp_path):
    script = (
        "import sys; from keraunos.cli.main import main;"
        f"code = main(['audit', {str(shelf)!r}, '--html', 'page.html']);"
        "sys.exit(code or 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.photographs
def test_known_faults_of_the_real_photographs_are_found(photographs: Path, store):
    found = audit_folders([photographs], store)
    assert spoils_a_run(found)
    in_train = [g for g in found.conflicts.exact if not found.splits[g].any()]
    harmless = [g for g in found.duplicates.exact if g not in found.conflicts.exact]
    assert (len(in_train), len(found.leaks.exact), len(harmless)) == (137, 18, 4)
    assert len(found.duplicates.near) == 3
    assert found.leaks.near == []
