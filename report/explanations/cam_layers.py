"""Finds the layer for class activation maps."""

from typing import Protocol, runtime_checkable

import keras

from ...core.errors import ConfigError, message
from ...core.names import did_you_mean, some
from .flat_graph import Call, FlatGraph, NoGraphError


@runtime_checkable
class HasDataFormat(Protocol):
    """A layer with a `data_format`."""

    data_format: str | None


def find_layer(graph: FlatGraph, name: str | None) -> Call:
    """Returns the call whose activations are used for maps.

    Args:
        graph: Graph of the model.
        name: Name of a layer or nested model, with or without the names of enclosing
            models; None chooses the last one with spatial features and layers with weights
            behind it.

    Raises:
        ConfigError: There is no such layer, or its outputs are not spatial.
        NoGraphError: The model has no suitable layer.
    """
    spatial = [call for call in graph.calls if is_spatial(graph, call)]
    if name is not None:
        return _named(graph, spatial, name)
    features = _slots_of_features(graph)
    maps = [call for call in spatial if features.issuperset(call.outputs)]
    if not maps:
        raise NoGraphError(
            "no layer of the model has spatial outputs; tokens of a transformer are not "
            "spatial"
        )
    decided = (call for call in reversed(maps) if kernels_behind(graph, call))
    return next(decided, maps[-1])


def is_spatial(graph: FlatGraph, call: Call) -> bool:
    """Returns whether a call outputs a map of several cells, channels last."""
    if len(call.outputs) != 1 or not _has_channels_last(call):
        return False
    shape = graph.tensors[call.outputs[0]].shape
    return len(shape) == 4 and shape[3] is not None and shape[1:3] != (1, 1)


def kernels_behind(graph: FlatGraph, call: Call) -> list[keras.Variable]:
    """Returns the matrices and kernels of all layers that depend on a call."""
    weights = [weight for each in graph.behind(call) for weight in _kernels(each)]
    return list({id(weight): weight for weight in weights}.values())


def _kernels(call: Call) -> list[keras.Variable]:
    """Returns the matrices and kernels of a called layer."""
    layer = call.operation
    return [
        weight
        for weight in (layer.weights if isinstance(layer, keras.Layer) else ())
        if len(weight.shape) > 1 and keras.backend.is_float_dtype(weight.dtype)
    ]


def _slots_of_features(graph: FlatGraph) -> set[int]:
    """Returns the slots that depend on kernels; others are pixels, possibly rescaled."""
    found: set[int] = set()
    for call in graph.calls:
        if found.intersection(call.inputs) or _kernels(call):
            found.update(call.outputs)
    return found


def _has_channels_last(call: Call) -> bool:
    layer = call.operation
    own = layer.data_format if isinstance(layer, HasDataFormat) else None
    return (own or keras.config.image_data_format()) == "channels_last"


def _named(graph: FlatGraph, spatial: list[Call], name: str) -> Call:
    call = graph.named.get(name)
    if call is not None and call in spatial:
        return call
    usable = [each.path for each in reversed(spatial)]
    raise ConfigError(
        message(
            "`evaluation.grad_cam.layer` must name a layer with spatial outputs.",
            f"{did_you_mean(name, usable)} The last ones are {some(usable, 5)}.".strip(),
            layer=name,
        )
    )
