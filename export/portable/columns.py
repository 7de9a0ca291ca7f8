"""The table columns that an exported model takes in addition to the image."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.table_features import (
    IMAGE,
    NumberColumn,
    TableColumn,
    TableFeatures,
    WordColumn,
    kinds_of,
    problem_of_name,
)
from .fields import Fields, ModelFileError

IMAGES = "images"  # the input of exported graphs

# Formats that take codes instead of words, and those with other input names.
_CODED = ("onnx", "litert", "openvino")
_OF_GRAPHS = ("saved_model", *_CODED)
_MAX_COLUMNS = 1000


def described_columns(features: TableFeatures | None) -> list[dict[str, Any]] | None:
    """Returns the columns in the form of `model.json`."""
    if features is None:
        return None
    kinds = kinds_of(features)
    return [
        {
            "name": column.name,
            "input": input_name,
            "kind": kinds[column.name],
            **_described(column),
        }
        for column, input_name in zip(features.columns, features.input_names, strict=True)
    ]


def columns_of(fields: Fields) -> TableFeatures | None:
    """Reads and checks the columns of a document; None if it has none.

    Raises:
        ModelFileError: A value is missing or wrong.
    """
    if fields.get("columns") is None:
        return None
    columns = tuple(map(_column, fields.array("columns")))
    names = [each.name for each in columns]
    problem = "".join(map(problem_of_name, names)) or (
        "names must differ" * (len(set(names)) < len(names))
    )
    if problem or not 0 < len(columns) <= _MAX_COLUMNS:
        raise ModelFileError(f"`columns` can't be inputs: {problem}. Received: {names}.")
    return TableFeatures(columns)


def inputs_for(
    format: str | None,
    features: TableFeatures,
    images: Any,
    cells: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Converts images and table cells to the inputs of a model, by name.

    Args:
        format: Format of the export; None for a Keras model.
        features: The columns that the model takes.
        images: The images, `(images, height, width, 3)`.
        cells: Cells of each image by column, as text: a number, a word, or empty if
            missing.

    Raises:
        ValueError: A cell of a number column is not a number.
    """
    if format not in _OF_GRAPHS:
        return {IMAGE: images, **features.arrays(cells)}
    arrays = features.codes(cells) if format in _CODED else features.arrays(cells)
    return {IMAGES: images, **dict(zip(features.input_names, arrays.values(), strict=True))}


def _described(column: TableColumn) -> dict[str, Any]:
    if isinstance(column, WordColumn):
        return {"categories": list(column.words)}
    return {"mean": column.mean, "deviation": column.deviation}


def _column(fields: Fields) -> TableColumn:
    name, kind = fields.text("name"), fields.text("kind")
    if kind == "number":
        return NumberColumn(
            name, fields.number("mean"), fields.number("deviation"), has_missing=True
        )
    if kind != "category":
        raise ModelFileError(
            f"The kind of a column must be number or category. Received: kind={kind!r}."
        )
    return WordColumn(name, fields.words("categories"))
