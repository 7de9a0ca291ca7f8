"""Adds table columns as inputs to a model, and encodes them.

It uses only Keras layers: a saved model takes the cells of the table unchanged, with NaN
for missing numbers and empty text for missing words.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ..core.errors import ConfigError, message
from ..core.table_features import (
    IMAGE,
    NumberColumn,
    TableFeatures,
    WordColumn,
    kinds_of,
    union_of,
)
from .keras_graph import functional_form

_NUMBERS = "table_standardized"  # names of layers
_CATEGORIES = "table_categories_"


def column_inputs(features: TableFeatures) -> list[keras.KerasTensor]:
    """Creates an input `(rows, 1)` per column with its name: float32 or string."""
    kinds = {NumberColumn: "float32", WordColumn: "string"}
    return [
        keras.Input((1,), name=column.name, dtype=kinds[type(column)])
        for column in features.columns
    ]


def encode_columns(
    features: TableFeatures, inputs: Sequence[keras.KerasTensor]
) -> keras.KerasTensor:
    """Encodes columns for a head.

    Numbers are standardized with mean and deviation of the training images, and 0 if
    missing. If some training images lack a number, a second value is 1 if it is missing and
    0 otherwise. Words are one-hot encoded; a missing word is a category if training images
    lack it. Words of no training image are encoded as zeros, since weights for them would
    never be trained.

    Args:
        features: The columns.
        inputs: The result of `column_inputs`.

    Returns:
        The encoded columns, `(rows, values)` float32.
    """
    pairs = list(zip(features.columns, inputs, strict=True))
    numbers = [(c, tensor) for c, tensor in pairs if isinstance(c, NumberColumn)]
    words = [(c, tensor) for c, tensor in pairs if isinstance(c, WordColumn)]
    parts = _numbers(*zip(*numbers, strict=True)) if numbers else []
    parts += [
        _categories(column, tensor, f"{_CATEGORIES}{place}")
        for place, (column, tensor) in enumerate(words)
    ]
    return _joined(parts, "table_columns")


def fuse(
    image_features: keras.KerasTensor, columns: keras.KerasTensor
) -> keras.KerasTensor:
    """Concatenates image features and encoded columns."""
    return _joined([image_features, columns], "with_table_columns")


def features_of_model(model: keras.Model) -> TableFeatures | None:
    """Returns the table columns that a model takes, or None if it takes none."""
    if not is_beside_columns(model):
        return None
    tensors = model.inputs[1:]
    numbers = iter(_statistics(model))
    lookups = (
        layer
        for place in range(len(tensors))
        for layer in model.layers
        if layer.name == f"{_CATEGORIES}{place}"
    )
    return TableFeatures(
        tuple(
            WordColumn(each.name, tuple(next(lookups).get_vocabulary()[1:]))
            if each.dtype == "string"
            else NumberColumn(each.name, *next(numbers), has_missing=True)
            for each in tensors
        )
    )


def columns_of_models(models: Sequence[keras.Model]) -> TableFeatures | None:
    """Returns the table columns that a model, or all members of an ensemble, take.

    Args:
        models: One or more models.

    Returns:
        The columns with the categories of all members, or None without columns.

    Raises:
        ConfigError: The members take different columns.
    """
    each = [features_of_model(model) for model in models]
    found = [features for features in each if features is not None]
    if not found:
        return None
    try:
        if len(found) < len(each):
            raise ValueError
        return union_of(found)
    except ValueError:
        raise ConfigError(
            message(
                "The members of an ensemble model must take the same table columns.",
                "Train them with the same data.features and data.categorical_features.",
                columns=[{} if one is None else kinds_of(one) for one in each],
            )
        ) from None


def is_beside_columns(model: keras.Model) -> bool:
    """Returns whether a model takes table columns in addition to the image."""
    graph = functional_form(model)
    inputs = graph.inputs if graph is not None else []
    return len(inputs) > 1 and inputs[0].name == IMAGE


def image_and_columns(model: keras.Model, inputs: Any) -> tuple[Any, list[Any]]:
    """Splits inputs, an image or a dict by name, into the image and other inputs."""
    if not isinstance(inputs, dict):
        return inputs, []
    return inputs[IMAGE], [inputs[each.name] for each in model.inputs[1:]]


def _statistics(model: keras.Model) -> list[tuple[float, float]]:
    """Returns mean and standard deviation of each number column."""
    layer = next((each for each in model.layers if each.name == _NUMBERS), None)
    if layer is None:
        return []
    config = layer.get_config()
    means, variances = np.ravel(config["mean"]), np.ravel(config["variance"])
    pairs = zip(means.tolist(), np.sqrt(variances).tolist(), strict=True)
    return list(pairs)


def _numbers(
    columns: Sequence[NumberColumn], inputs: Sequence[keras.KerasTensor]
) -> list[keras.KerasTensor]:
    values = _joined(list(inputs), "table_numbers")
    scaled = keras.layers.Normalization(
        mean=[column.mean for column in columns],
        variance=[column.deviation**2 for column in columns],
        name=_NUMBERS,
        dtype="float32",
    )(values)
    parts = [keras.ops.nan_to_num(scaled)]
    lacking = np.flatnonzero([column.has_missing for column in columns]).tolist()
    if lacking:
        is_missing = keras.ops.cast(keras.ops.isnan(values), "float32")
        parts.append(keras.ops.take(is_missing, lacking, axis=1))
    return parts


def _categories(
    column: WordColumn, words: keras.KerasTensor, name: str
) -> keras.KerasTensor:
    lookup = keras.layers.StringLookup(
        vocabulary=list(column.words), output_mode="one_hot", name=name
    )
    return lookup(words)[:, 1:]  # index 0 is for unknown words


def _joined(parts: list[keras.KerasTensor], name: str) -> keras.KerasTensor:
    if len(parts) == 1:
        return parts[0]
    return keras.layers.Concatenate(name=name)(parts)
