"""split.csv is always written, and determines the split when it is read back."""

import csv
from pathlib import Path

import pytest
from damages import DAMAGES
from helpers import make_images
from keraunos import DataError, ImageData


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_images(tmp_path / "train", {"cat": 20, "dog": 15})


def read(folder: Path, **options: object) -> ImageData:
    return ImageData.from_folder(
        folder,
        image_size=32,
        cache="none",
        cache_dir=folder.parent / "cache",
        **options,  # type: ignore[arg-type]
    )


def written(data: ImageData, directory: Path) -> dict[str, dict[str, str]]:
    """The rows of split.csv by the file's name below its class."""
    directory.mkdir(exist_ok=True)
    data.write_tables(directory)
    with (directory / "split.csv").open(newline="") as file:
        return {"/".join(Path(r["path"]).parts[-2:]): r for r in csv.DictReader(file)}


def sides(rows: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: row["split"] for name, row in rows.items()}


def test_split_csv_lists_sha256_class_and_group_of_every_file(
    folder: Path, tmp_path
) -> None:
    rows = written(read(folder), tmp_path / "run")
    assert len(rows) == 35
    one = rows["cat/cat-003.png"]
    assert (one["class"], len(one["sha256"])) == ("cat", 64)
    assert len({row["group"] for row in rows.values()}) == 35


def test_listed_files_keep_their_split_with_any_seed(folder: Path, tmp_path) -> None:
    first = sides(written(read(folder, seed=0), tmp_path / "one"))
    other = sides(written(read(folder, seed=7), tmp_path / "other"))
    assert first != other
    split = tmp_path / "one" / "split.csv"
    again = sides(written(read(folder, seed=7, split=split), tmp_path / "again"))
    assert again == first


def test_new_files_are_assigned_and_copies_follow_their_originals(
    folder: Path, tmp_path: Path
) -> None:
    first = sides(written(read(folder), tmp_path / "one"))
    held = next(name for name, side in first.items() if side == "validation")
    make_images(tmp_path / "more", {"cat": 10, "dog": 10}, seed=1)
    for file in (tmp_path / "more").rglob("*.png"):
        file.rename(folder / file.parent.name / f"new-{file.name}")
    (folder / held).with_name("zz-copy.png").write_bytes((folder / held).read_bytes())
    data = read(folder, split=tmp_path / "one" / "split.csv")
    again = sides(written(data, tmp_path / "two"))
    assert {name: again[name] for name in first} == first
    assert again[str(Path(held).with_name("zz-copy.png"))] == "validation"
    new = [side for name, side in again.items() if name not in first]
    assert {"train", "validation"} == set(new)
    assert list(again.values()).count("validation") in (11, 12)
    # The copy is recognized by its content.
    line = "36 images are in the split that data.split assigns, and 20 are new"
    assert line in data.describe()


def test_moved_files_are_recognized_by_content(folder: Path, tmp_path: Path) -> None:
    first = sides(written(read(folder), tmp_path / "one"))
    moved = folder.rename(tmp_path / "moved")
    data = read(moved, seed=5, split=tmp_path / "one" / "split.csv")
    assert sides(written(data, tmp_path / "two")) == first


def test_all_problems_of_split_csv_are_reported_at_once(
    folder: Path, tmp_path: Path
) -> None:
    split = tmp_path / "split.csv"
    split.write_text("path,sha256,split\na,xyz,train\nb,,tset\nc,,train\nc,,test\n")
    with pytest.raises(DataError) as error:
        read(folder, split=split)
    for words in ("line 3: tset", "c (train, test)", "line 2"):
        assert words in str(error.value), words


@pytest.mark.parametrize("damage", ["half", "flip"])
def test_damaged_split_csv_is_rejected_but_an_edited_copy_is_accepted(
    folder: Path, tmp_path: Path, damage: str
) -> None:
    written(read(folder), tmp_path / "run")
    file = tmp_path / "run" / "split.csv"
    whole = file.read_text()
    DAMAGES[damage](file)
    with pytest.raises(DataError, match="its SHA-256 differs"):
        read(folder, split=file)
    (tmp_path / "mine.csv").write_text(whole.replace(",validation", ",train"))
    assert read(folder, split=tmp_path / "mine.csv", validation_split=0).validation is None
