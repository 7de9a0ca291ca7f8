"""Tables of image names and columns as input of an exported model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keraunos.core.table_features import NumberColumn, TableFeatures, WordColumn
from keraunos.export.portable.columns import described_columns
from keraunos.export.portable.fields import ModelFileError
from keraunos.export.portable.model import Model
from keraunos.export.portable.tables import read_table
from serving_models import DOCUMENT, plain_image

COLUMNS = TableFeatures(
    (NumberColumn("age", 40.0, 10.0), WordColumn("sex", ("female", "male")))
)


def by_columns(inputs: Any) -> Any:
    """Returns `(images, 3)`: one-hot for old, male, or neither."""
    is_old = inputs["age"][:, 0] > 60
    is_male = inputs["sex"][:, 0] == b"male"
    return np.stack([is_old, ~is_old & is_male, ~is_old & ~is_male], 1).astype(np.float32)


@pytest.fixture
def model() -> Model:
    document = DOCUMENT | {"version": 2, "columns": described_columns(COLUMNS)}
    return Model(document, by_columns)


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "in").mkdir()
    for name in ("a.png", "in/b.jpg"):
        (folder / name).write_bytes(plain_image(9, 9, 9))
    (folder / "t.csv").write_text(text, encoding)
    return folder / "t.csv"


@pytest.mark.parametrize(
    "text",
    [
        'image,age,sex,note\na.png,70,male,"x\ny"\nb,,male,\na,?,NA,\n',
        "image\tage\tsex\na\t70\tmale\nin/b\t-\tmale\na.png\n",
        "sex;image;age\nmale;a;70\nmale; b.jpg ;\n;a.png\n",
    ],
)
def test_each_row_is_predicted_with_its_own_cells(
    text: str, model: Model, tmp_path: Path
) -> None:
    rows = read_table(write(tmp_path, text, "utf-8-sig"), None, "image")
    found = list(model.predict_rows(rows, batch_size=2))
    assert [row["class"] for row in found] == ["red", "green", "blue"]
    assert [Path(row["file"]).name for row in found] == ["a.png", "b.jpg", "a.png"]


def test_unusable_rows_report_the_reason(model: Model, tmp_path: Path) -> None:
    text = "image,age,sex\na,old,male\nc,1,male\nb,70,male\n"
    found = list(model.predict_rows(read_table(write(tmp_path, text), None, "image")))
    assert found[0]["error"] == "the column age must be a number; it is 'old'"
    assert "No such file" in found[1]["error"]
    assert found[2]["class"] == "red"
    (row,) = model.predict([tmp_path / "a.png"], cells=[{"age": 70}])
    assert row["error"] == "it needs the columns sex"
    (row,) = model.predict([tmp_path / "a.png"], cells=[{"age": None, "sex": "male"}])
    assert row["class"] == "green"


def test_images_without_table_columns_are_rejected(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"columns in addition to images: age, sex"):
        next(model.predict([tmp_path / "a.png"]))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("file,age\na,1\n", "one column 'image'.*Received: file, age"),
        ("image,image\na,b\n", "one column 'image'"),
        ("", "one column 'image'"),
    ],
)
def test_unsuitable_tables_are_rejected(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=reason):
        next(read_table(write(tmp_path, text), None, "image"))
    with pytest.raises(ModelFileError, match="can't be read"):
        next(read_table(tmp_path / "none.csv", None, "image"))
