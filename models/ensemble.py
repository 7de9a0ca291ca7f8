"""One model that puts out the mean of several."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import keras

from ..core.errors import ConfigError, message


@runtime_checkable
class _HasShapes(Protocol):
    """A functional or sequential model."""

    input_shape: Any
    output_shape: Any


def ensemble_model(models: Sequence[keras.Model], name: str = "ensemble") -> keras.Model:
    """Makes a model whose output is the mean of the outputs of others.

    It shares their layers, and adds stock layers of Keras alone: saved, it opens wherever
    they would. Each member keeps its own preprocessing.

    Args:
        models: Functional or sequential, at least two, each with one input and one output,
            all of the same shapes: `(images, height, width, 3)` to `(images, classes)`.
        name: Of the new model.

    Returns:
        A model in which the members are the layers `member_1`, `member_2`, ...; not
        compiled.

    Raises:
        ConfigError: There are fewer than two models, or their shapes differ.

    Example:
        >>> def member(bias):
        ...     images = keras.Input((8, 8, 3))
        ...     pooled = keras.layers.GlobalAveragePooling2D()(images)
        ...     return keras.Model(images, keras.layers.Softmax()(pooled * bias))
        >>> ensemble_model([member(0.1), member(0.2)]).output_shape
        (None, 3)
    """
    _require_alike(models)
    inputs = keras.Input(models[0].input_shape[1:], dtype=models[0].inputs[0].dtype)
    outputs = [
        keras.Model(each.inputs[0], each.outputs[0], name=f"member_{number}")(inputs)
        for number, each in enumerate(models, 1)
    ]
    mean = keras.layers.Average(dtype="float32", name="mean")(outputs)
    return keras.Model(inputs, mean, name=name)


def _require_alike(models: Sequence[keras.Model]) -> None:
    shapes = {_shapes(each) for each in models}
    if len(models) < 2 or len(shapes) != 1 or None in shapes:
        raise ConfigError(
            message(
                "An ensemble as one model needs two or more functional models with one "
                "input and one output, of the same shapes.",
                "Train its members with the same data.image_size and on the same classes.",
                models=", ".join(each.name for each in models),
                shapes=", ".join(map(str, shapes)),
            )
        )


def _shapes(model: keras.Model) -> tuple[tuple[int | None, ...], ...] | None:
    if not isinstance(model, _HasShapes):
        return None
    shapes = (model.input_shape, model.output_shape)
    return shapes if all(isinstance(shape, tuple) for shape in shapes) else None
