"""Combines several models into one that returns their mean."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import keras

from ..core.errors import ConfigError, message
from .table_inputs import is_beside_columns


@runtime_checkable
class _HasShapes(Protocol):
    """A functional or sequential model."""

    input_shape: Any
    output_shape: Any
    inputs: Any


def ensemble_model(models: Sequence[keras.Model], name: str = "ensemble") -> keras.Model:
    """Creates a model whose output is the mean of the outputs of others.

    It shares their layers and adds only Keras layers, so that it can be loaded wherever
    they can. Each member keeps its own preprocessing.

    Args:
        models: At least two functional or sequential models with one output each and the
            same shapes, `(images, height, width, 3)` to `(images, classes)`, or with the
            same table columns in addition to the image.
        name: Name of the new model.

    Returns:
        A model whose layers `member_1`, `member_2`, ... are the members; not compiled.

    Raises:
        ConfigError: There are fewer than two models, or their inputs or outputs differ.

    Example:
        >>> def member(bias):
        ...     images = keras.Input((8, 8, 3))
        ...     pooled = keras.layers.GlobalAveragePooling2D()(images)
        ...     return keras.Model(images, keras.layers.Softmax()(pooled * bias))
        >>> ensemble_model([member(0.1), member(0.2)]).output_shape
        (None, 3)
    """
    _require_alike(models)
    first, *others = [_input_like(tensor) for tensor in models[0].inputs]
    inputs = [first, *others] if others else first
    outputs = [
        keras.Model(_member_inputs(each), each.outputs[0], name=f"member_{number}")(inputs)
        for number, each in enumerate(models, 1)
    ]
    mean = keras.layers.Average(dtype="float32", name="mean")(outputs)
    return keras.Model(inputs, mean, name=name)


def _input_like(tensor: keras.KerasTensor) -> keras.KerasTensor:
    return keras.Input(tensor.shape[1:], name=tensor.name, dtype=tensor.dtype)


def _member_inputs(model: keras.Model) -> Any:
    """Returns the inputs of a member: a tensor, or a list of several."""
    return list(model.inputs) if len(model.inputs) > 1 else model.inputs[0]


def _require_alike(models: Sequence[keras.Model]) -> None:
    shapes = {_shapes(each) for each in models}
    if len(models) < 2 or len(shapes) != 1 or None in shapes:
        raise ConfigError(
            message(
                "An ensemble model needs two or more functional models with the same "
                "inputs and one output of the same shape.",
                "Train its members with the same data.image_size and on the same classes.",
                models=", ".join(each.name for each in models),
                shapes=", ".join(map(str, shapes)),
            )
        )


def _shapes(model: keras.Model) -> tuple[Any, ...] | None:
    """Returns the shapes of all inputs, with column names, and of the only output."""
    if not isinstance(model, _HasShapes) or not isinstance(model.output_shape, tuple):
        return None
    if len(model.inputs) == 1:
        shape = model.input_shape
        return (shape, model.output_shape) if isinstance(shape, tuple) else None
    if not is_beside_columns(model):
        return None
    inputs = [(each.name, each.dtype, tuple(each.shape)) for each in model.inputs]
    return (*inputs, model.output_shape)
