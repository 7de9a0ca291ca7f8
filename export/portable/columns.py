"""The columns of a table that an exported model takes beside the image."""

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

# Formats that take codes in place of words, and those with names of their own for inputs.
_CODED = ("onnx", "litert", "openvino")
_OF_GRAPHS = ("saved_model", *_CODED)
_MOST_COLUMNS = 1000


def described_columns(features: TableFeatures | None) -> list[dict[str, Any]] | None:
    """The columns as `model.json` holds them."""
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
    """Checks what a document says of columns; None if it says nothing.

    Raises:
        ModelFileError: Something is missing or wrong.
    """
    if fields.get("columns") is None:
        return None
    columns = tuple(map(_column, fields.array("columns")))
    names = [each.name for each in columns]
    problem = "".join(map(problem_of_name, names)) or (
        "names must differ" * (len(set(names)) < len(names))
    )
    if problem or not 0 < len(columns) <= _MOST_COLUMNS:
        raise ModelFileError(f"`columns` can't be inputs: {problem}. Received: {names}.")
    return TableFeatures(columns)


def inputs_for(
    format: str | None,
    features: TableFeatures,
    images: Any,
    cells: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """What a model takes of images and of rows of a table, by the names of its inputs.

    Args:
        format: Of its export; None if it is a Keras model.
        features: The columns that it takes.
        images: `(images, height, width, 3)`.
        cells: By column, a text for each image: a number, a word, or empty for no value.

    Raises:
        ValueError: There is text where it takes numbers.
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
