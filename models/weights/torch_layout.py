"""Loads the tensors of a PyTorch network into the same network in Keras."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from .stored_array import StoredArrays, require_same, shapes_of

_COUNTER = ".num_batches_tracked"  # of BatchNorm, which Keras does not have

Arrange = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


@dataclass(frozen=True)
class TorchLayout:
    """Maps the layers of a Keras network to modules of a PyTorch network.

    Attributes:
        modules: PyTorch module by the name of each Keras layer with weights.
        head: PyTorch module of the classifier, which a backbone does not have.
    """

    modules: Mapping[str, str]
    head: str


@dataclass(frozen=True)
class _Place:
    """The destination of a tensor.

    Attributes:
        variable: The Keras variable.
        shape: Shape of the tensor in PyTorch.
        arrange: Converts PyTorch's order of axes to Keras's.
    """

    variable: keras.Variable
    shape: tuple[int, ...]
    arrange: Arrange


def assign_torch_weights(
    network: keras.Model,
    layouts: Sequence[TorchLayout],
    arrays: StoredArrays,
) -> None:
    """Assigns the weights of a state dict to a network.

    Args:
        network: A network whose layers have the names of the layouts.
        layouts: Possible layouts of the state dict; the best match is used.
        arrays: The state dict.

    Raises:
        OtherNetworkError: Tensors are missing, unexpected or have another shape.
    """
    candidates = [(_places(network, layout), layout) for layout in layouts]
    places, layout = max(candidates, key=lambda each: len(each[0].keys() & arrays.keys()))

    def is_ignored(name: str) -> bool:
        return name.startswith(f"{layout.head}.") or name.endswith(_COUNTER)

    wanted = {name: each.shape for name, each in places.items()}
    require_same(shapes_of(arrays), wanted, is_ignored)
    for name, place in places.items():
        place.variable.assign(place.arrange(arrays[name].read()))


def _places(network: keras.Model, layout: TorchLayout) -> dict[str, _Place]:
    places: dict[str, _Place] = {}
    for layer in network.layers:
        if layer.weights:
            module = layout.modules[layer.name]
            places |= {f"{module}.{name}": place for name, place in _places_of(layer)}
    return places


def _places_of(layer: keras.Layer) -> Iterator[tuple[str, _Place]]:
    """Yields the weights of a layer with their names in PyTorch."""
    if isinstance(layer, keras.layers.BatchNormalization):
        yield "weight", _as_is(layer.gamma)
        yield "bias", _as_is(layer.beta)
        yield "running_mean", _as_is(layer.moving_mean)
        yield "running_var", _as_is(layer.moving_variance)
        return
    is_depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    # Keras: height, width, inputs, outputs; PyTorch: outputs, inputs, height, width.
    # In a depthwise kernel of Keras, inputs and outputs are swapped.
    yield "weight", _reordered(layer.kernel, (2, 3, 0, 1) if is_depthwise else (3, 2, 0, 1))
    if layer.use_bias:
        yield "bias", _as_is(layer.bias)


def _as_is(variable: keras.Variable) -> _Place:
    return _Place(variable, tuple(variable.shape), lambda values: values)


def _reordered(variable: keras.Variable, axes: tuple[int, ...]) -> _Place:
    """Returns the destination of a tensor with permuted axes."""
    shape = tuple(variable.shape[axis] for axis in axes)
    back = tuple(np.argsort(axes))
    return _Place(variable, shape, lambda values: values.transpose(back))
