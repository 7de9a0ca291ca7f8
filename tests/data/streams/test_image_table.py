"""Images that a table lists, and their other cells."""

from pathlib import Path

import pytest
from keraunos.core.errors import DataError
from keraunos.core.table_features import NumberColumn, TableFeatures, WordColumn
from keraunos.data.streams.image_names import ImageNames
from keraunos.data.streams.image_table import read_image_table

FEATURES = TableFeatures((NumberColumn("age", 40.0, 5.0), WordColumn("sex", ("f", "m"))))
COLUMNS = ["sex", "age"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name in ("b.png", "a.jpg", "c.png"):
        (tmp_path / name).write_bytes(b"")
    path = tmp_path / "t.csv"
    path.write_text("age,id,sex\n50,b,m\n,a.jpg,robot\n31,c,NA\n50,b,f\n")
    return path


def test_rows_keep_their_order_and_their_cells(table: Path) -> None:
    read = read_image_table(table, None, "id", COLUMNS)
    names = ["b.png", "a.jpg", "c.png", "b.png"]
    assert [row.path for row in read.rows] == [str(table.parent / name) for name in names]
    assert [row.cells for row in read.rows] == [
        ("m", "50"),
        ("robot", ""),
        ("", "31"),
        ("f", "50"),
    ]
    assert read_image_table(table, None, "id", []).rows[0].cells == ()


def test_names_resume_after_any_row(table: Path) -> None:
    tables = {"t.csv": read_image_table(table, None, "id", COLUMNS)}
    names = ImageNames(["t.csv", str(table.parent / "c.png")], tables=tables)
    names.require()
    every = list(names.after())
    assert sum(names.count()) == len(every) == 5
    assert every[1].cells == ("robot", "")
    for place, each in enumerate(every):
        assert list(names.after(each)) == every[place + 1 :]


def test_values_unknown_to_the_model_are_reported(table: Path) -> None:
    assert read_image_table(table, None, "id", COLUMNS).require(FEATURES) == [
        "1 images lack age, which no training image does",
        "1 images have a sex that no training image has: robot",
        "1 images lack sex, which no training image does",
    ]


def test_text_in_a_numeric_feature_is_rejected(table: Path) -> None:
    table.write_text(table.read_text().replace("31", "old"))
    read = read_image_table(table, None, "id", COLUMNS)
    with pytest.raises(DataError, match=r"model takes numbers: line 4 \(old\)"):
        read.require(FEATURES)


@pytest.mark.parametrize(
    ("columns", "content", "problem"),
    [
        (["agee"], None, "it has no column agee. Did you mean age?"),
        (["age"], "age,age,id\n1,2,a\n", "the column age occurs more than once"),
        (["age"], "age,id\n1,z\n", "1 name matches no image below"),
    ],
)
def test_invalid_table_is_rejected(
    table: Path, columns: list[str], content: str | None, problem: str
) -> None:
    if content:
        table.write_text(content)
    with pytest.raises(DataError) as error:
        read_image_table(table, None, "id", columns)
    assert problem in str(error.value)
