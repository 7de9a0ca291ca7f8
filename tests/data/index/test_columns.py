"""Columns of label tables besides those of images, labels, groups and splits."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import make_images
from keraunos import ImageData
from keraunos.data.index.columns import join_columns, other_columns
from keraunos.data.index.csv_file import CsvFile
from keraunos.data.index.scan import Scan


def table(header: str, *rows: str) -> CsvFile:
    return CsvFile(
        header.split(","), [(n, row.split(",")) for n, row in enumerate(rows, 2)]
    )


def scan(count: int, **columns: list[str]) -> Scan:
    none = ("",) * count
    return Scan(Path(), ("a",), none, (0,) * count, {}, none, none, (), columns)


def test_unused_columns_are_kept_with_missing_values_empty() -> None:
    cells, left_out = other_columns(
        table("image,label,sex,,age", "a,x,female,1,50", "b,y,NaN,2,", "c,y,female,3,50"),
        {"image", "label"},
    )
    assert cells == {"sex": ["female", "", "female"], "age": ["50", "", "50"]}
    assert cells["sex"][0] is cells["sex"][2]
    assert left_out == []


def test_duplicate_columns_are_dropped_with_a_remark() -> None:
    cells, (line,) = other_columns(table("image,site,site", "a,arm,leg"), {"image"})
    assert cells == {}
    assert "site" in line


def test_joined_column_is_empty_for_tables_that_lack_it() -> None:
    joined = join_columns([scan(2, sex=["f", "m"]), scan(1), scan(1, camera=["A"])])
    assert joined["sex"].tolist() == ["f", "m", "", ""]
    assert joined["camera"].tolist() == ["", "", "", "A"]


@pytest.mark.parametrize(
    ("cells", "is_kept"),
    [
        ([f"site {n % 1000}" for n in range(3000)], True),
        ([f"site {n % 1001}" for n in range(3000)], False),
        ([f"{n % 1500}.5" for n in range(3000)] + [""], True),
        ([str(n) for n in range(3000)], False),
    ],
)
def test_columns_that_would_fill_memory_are_left_out(
    cells: list[str], is_kept: bool
) -> None:
    assert ("it" in join_columns([scan(len(cells), it=cells)])) is is_kept


@pytest.fixture(scope="module")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 24 images with sex, patient and split."""
    folder = tmp_path_factory.mktemp("table")
    drawn = make_images(folder / "images", {"nv": 14, "mel": 10}, size=33)
    lines = ["image,label,sex,patient,split"]
    for number, file in enumerate(sorted(drawn.rglob("*.png"))):
        sex = ("female", "male", "unknown", "")[number % 4]
        side = ("train", "val", "test")[number % 3]
        name = f"{file.parent.name}/{file.name}"
        lines.append(f"images/{name},{file.parent.name},{sex},p{number // 2},{side}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return folder


def read(table: Path, **options: object) -> ImageData:
    cache = table.parent / "cache"
    return ImageData.from_csv(
        table, image_size=32, cache="none", cache_dir=cache, **options
    )


def test_each_split_has_the_column_values_of_its_images(metadata: Path) -> None:
    lines = (metadata / "table.csv").read_text().splitlines()[1:]
    rows = {Path(line.split(",")[0]).name: line.split(",") for line in lines}
    data = read(metadata / "table.csv", group_column="patient")
    for split in (data.train, data.validation, data.test):
        assert list(split.columns) == ["sex"]
        for place, name in enumerate(split.names):
            assert split.columns["sex"][place] == rows[Path(name).name][2]
    patients = [rows[Path(name).name][3] for name in data.test.names]
    together = np.equal.outer(data.test.groups, data.test.groups)
    np.testing.assert_array_equal(together, np.equal.outer(patients, patients))


def test_without_a_group_column_there_are_no_groups(metadata: Path) -> None:
    data = read(metadata / "table.csv")
    assert data.test.groups is None
    assert list(data.test.columns) == ["sex", "patient"]


def test_other_columns_do_not_change_settings_or_fingerprints(
    metadata: Path, tmp_path: Path
) -> None:
    shutil.copytree(metadata / "images", tmp_path / "images")
    lines = (metadata / "table.csv").read_text().splitlines()
    plain = [",".join(np.array(line.split(","))[[0, 1, 4]]) for line in lines]
    (tmp_path / "table.csv").write_text("\n".join(plain) + "\n")
    first, second = read(metadata / "table.csv"), read(tmp_path / "table.csv")
    assert second.test.columns == {}
    assert first.settings() == second.settings()
    assert first.train.fingerprint == second.train.fingerprint


def test_dropped_rows_are_dropped_from_columns_too(metadata: Path) -> None:
    table = metadata / "with_copy.csv"
    copy = metadata / "images" / "copy.png"
    shutil.copy(metadata / "images/nv/nv-000.png", copy)
    lines = (metadata / "table.csv").read_text().splitlines()
    table.write_text("\n".join([*lines, "images/copy.png,mel,other,p99,train"]) + "\n")
    data = read(table, on_conflict="drop", on_leak="drop")
    assert "other" not in data.train.columns["sex"]
    assert len(data.train.columns["sex"]) == data.train.num_examples
