"""Finds the layers with weights of a model graph and their positions in it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras

from .keras_graph import Node, direct_layers, functional_form, leaf_layers, nodes_in_order

_STRIDED = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
)
_BORDERS = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)


@dataclass(eq=False)
class Unit:
    """A layer with weights that is not split further.

    Attributes:
        layer: The layer, including the layers within it.
        path: Names of the enclosing models and layers, from the outside in, and its own.
        depth: Number of layers with kernels on the longest path to its outputs.
        feeds_on: The units whose outputs reach it through layers without weights.
        level: Number of times that the resolution is halved where its outputs are used, or
            None after the last feature map. The output of a squeeze-and-excitation is used
            at the resolution of the map that it scales.
        is_vector: Whether neither its output nor any later one has more than a vector per
            example.
    """

    layer: keras.Layer
    path: tuple[str, ...]
    depth: int
    feeds_on: tuple["Unit", ...]
    level: int | None = None
    is_vector: bool = False


class _Call(NamedTuple):
    """A call of a layer, with tensors by number; nested models are expanded."""

    operation: Any
    path: tuple[str, ...]
    inputs: Sequence[int]
    outputs: Sequence[int]
    node: Node


def find_units(model: keras.Model) -> list[Unit] | None:
    """Returns the layers with weights of a model, in the order of computation.

    Nested models, and layers that hold a list of similar blocks, are expanded.

    Returns:
        The units, or None if their order is unknown, because a part is a subclassed model
        or a layer with weights is called more than once.
    """
    graph = functional_form(model)
    if graph is None:
        return None
    calls = list(_calls(graph, (), {}))
    layers = [each.operation for each in calls if _has_weights(each.operation)]
    is_subclassed = any(isinstance(layer, keras.Model) for layer in layers)
    if is_subclassed or len({id(layer) for layer in layers}) < len(layers):
        return None
    walk = _Walk()
    for call in calls:
        walk.forward(call)
    for call in reversed(calls):
        walk.backward(call)
    return walk.units


def _calls(graph: Any, path: tuple[str, ...], known: dict[int, int]) -> Iterator[_Call]:
    """Yields the calls of a graph and of nested graphs.

    Args:
        graph: The graph.
        path: Path of the graph.
        known: Maps inputs and outputs of nested models to the tensors outside.
    """

    def numbers(tensors: Sequence[Any]) -> list[int]:
        return [known.get(id(each), id(each)) for each in tensors]

    for node in nodes_in_order(graph):
        inner, own_path = functional_form(node.operation), (*path, node.operation.name)
        if inner is None:
            inputs, outputs = numbers(node.inputs), numbers(node.outputs)
            yield _Call(node.operation, own_path, inputs, outputs, node)
            continue
        known.update(zip(map(id, inner.inputs), numbers(node.inputs), strict=False))
        yield from _calls(inner, own_path, known)
        known.update(zip(map(id, node.outputs), numbers(inner.outputs), strict=False))


@dataclass
class _Walk:
    """Collects properties of tensors, by number."""

    units: list[Unit] = field(default_factory=list)
    own: dict[int, list[Unit]] = field(default_factory=dict)  # by the outputs of a call
    sources: dict[int, tuple[Unit, ...]] = field(default_factory=dict)
    levels: dict[int, int] = field(default_factory=dict)
    depths: dict[int, int] = field(default_factory=dict)
    later_levels: dict[int, float] = field(default_factory=dict)
    later_ranks: dict[int, int] = field(default_factory=dict)

    def forward(self, call: _Call) -> None:
        """Finds the units of a call and the properties of its outputs."""
        depth = max((self.depths.get(each, 0) for each in call.inputs), default=0)
        found = [unit for each in call.inputs for unit in self.sources.get(each, ())]
        sources = tuple(dict.fromkeys(found))
        own = []
        for path, layer in _parts(call.operation, call.path):
            depth += any(len(weight.shape) > 1 for weight in layer.weights)
            own.append(Unit(layer, path, depth, sources))
            sources = (own[-1],)
        level = min((self.levels.get(each, 0) for each in call.inputs), default=0)
        level += _halvings(call)
        for output in call.outputs:
            self.sources[output], self.depths[output] = sources, depth
            self.levels[output], self.own[output] = level, own
        self.units += own

    def backward(self, call: _Call) -> None:
        """Finds the level and rank at which the outputs of a call are used."""
        ranks = [len(each.shape) for each in call.node.outputs]
        level, rank = math.inf, 0
        for output, own_rank in zip(call.outputs, ranks, strict=True):
            own_level = self.levels[output] if own_rank == 4 else math.inf
            level = min(level, own_level, self.later_levels.get(output, math.inf))
            rank = max(rank, own_rank, self.later_ranks.get(output, 0))
        for each in call.inputs:
            self.later_levels[each] = min(level, self.later_levels.get(each, math.inf))
            self.later_ranks[each] = max(rank, self.later_ranks.get(each, 0))
        for unit in self.own[call.outputs[0]]:
            unit.level = None if math.isinf(level) else int(level)
            unit.is_vector = rank <= 2


def blocks_of(layer: keras.Layer) -> list[keras.Layer]:
    """Returns the layers within a stack of blocks; empty for any other layer.

    A stack holds a list of blocks of the same class, and has no other weights.
    """
    return direct_layers(layer) if layer.weights and _is_stack(layer) else []


def _parts(
    operation: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], keras.Layer]]:
    """Yields a layer with weights, or those of a stack of blocks."""
    if not _has_weights(operation):
        return
    blocks = blocks_of(operation)
    if not blocks:
        yield path, operation
    for layer in blocks:
        yield from _parts(layer, (*path, layer.name))


def _is_stack(layer: keras.Layer) -> bool:
    lists = [each for each in vars(layer).values() if isinstance(each, list | tuple)]
    within = {id(w) for each in direct_layers(layer) for w in each.weights}
    return len(within) == len(layer.weights) and any(map(_are_blocks, lists))


def _are_blocks(values: Sequence[Any]) -> bool:
    return (
        len(values) > 1
        and len({type(each) for each in values}) == 1
        and all(_has_weights(each) and len(leaf_layers(each)) > 1 for each in values)
    )


def _has_weights(operation: Any) -> bool:
    return isinstance(operation, keras.Layer) and bool(operation.weights)


def _halvings(call: _Call) -> int:
    """Returns how many times a layer halves the size of feature maps."""
    if isinstance(call.operation, _STRIDED):
        return round(math.log2(max(call.operation.strides)))
    if isinstance(call.operation, _BORDERS):
        return 0
    before, after = _size(call.node.inputs), _size(call.node.outputs)
    return round(math.log2(before / after)) if before and after else 0


def _size(tensors: Sequence[keras.KerasTensor]) -> int:
    """Returns the largest height or width of feature maps, or 0 without any."""
    is_last = keras.config.image_data_format() == "channels_last"
    sizes = slice(1, 3) if is_last else slice(2, 4)
    maps = [each.shape[sizes] for each in tensors if len(each.shape) == 4]
    return max((size or 0 for shape in maps for size in shape), default=0)
