"""Rejects images of another size than the model accepts."""

from typing import Any

import keras

from ...core.errors import ConfigError, message
from ...models.keras_graph import functional_form
from ..contracts import HasImageSize


def refuse_other_image_size(model: keras.Model, data: Any) -> None:
    """Checks that images have the size of the model's input.

    Args:
        model: A model; one without a graph or a fixed input size accepts any.
        data: `ImageData` or one of its splits; other data is not checked.

    Raises:
        ConfigError: The sizes differ.
    """
    if not isinstance(data, HasImageSize):
        return
    accepted = _input_sizes(model)
    size = data.image_size
    if len(accepted) != 1 or accepted[0] == (size, size):
        return
    height, width = accepted[0]
    remedy = f"Create the data with image_size={height}."
    raise ConfigError(
        message(
            f"The images must have the size of the model's input, {height} x {width}.",
            remedy if height == width else "Build the model for square images.",
            image_size=size,
        )
    )


def _input_sizes(model: keras.Model) -> list[tuple[int, int]]:
    """Returns height and width of each input that takes RGB images of a fixed size."""
    graph = functional_form(model)
    shapes = [] if graph is None else [tuple(each.shape) for each in graph.inputs]
    images = [shape for shape in shapes if len(shape) == 4 and shape[3] == 3]
    return [shape[1:3] for shape in images if None not in shape[1:3]]
