"""Finds where the frozen part of a model ends.

A tensor in the graph of a functional or sequential model is fixed if nothing before it
changes in training: no weight trains, and no layer updates its state, draws random numbers
or adds a loss. The cut is the last fixed tensor on every path from the inputs to the rest.
Everything before it can be computed once per example.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras

from ..models.keras_graph import (
    Node,
    carries_mask,
    functional_form,
    is_random,
    leaf_layers,
    nodes_in_order,
    own_state,
    producer_of,
)
from ..models.table_inputs import is_beside_columns
from .fingerprint import is_describable


class Cut(NamedTuple):
    """Where the frozen part of a model ends, or why it has none.

    Attributes:
        features: The output of the frozen part, or None.
        reason: Why there is none; empty if there is one.
    """

    features: keras.KerasTensor | None
    reason: str = ""


def find_cut(model: keras.Model) -> Cut:
    """Finds the last fixed tensor before all layers that train.

    If a model takes table columns in addition to the image, the tensor depends on the image
    alone.

    Args:
        model: A built model.

    Example:
        >>> backbone = keras.layers.Dense(4, trainable=False)
        >>> layers = [keras.Input((3,)), backbone, keras.layers.Dense(2)]
        >>> find_cut(keras.Sequential(layers)).features.shape
        (None, 4)
    """
    graph = functional_form(model)
    if graph is None:
        return Cut(None, "the model is neither functional nor sequential")
    if len(graph.inputs) != 1 and not is_beside_columns(model):
        return Cut(None, "the model has several inputs")
    image, *columns = graph.inputs
    nodes = nodes_in_order(graph)
    fixed, obstacle = _fixed_nodes(nodes, [image])
    if not any(_has_frozen_weights(node) for node in fixed):
        return Cut(None, obstacle or "no layer with weights is frozen")
    beside = {id(tensor) for tensor in columns}  # they may bypass the cut
    crossing = [
        tensor
        for tensor in _crossing_tensors(nodes, fixed, graph.outputs)
        if id(tensor) not in beside
    ]
    ends = {id(tensor) for tensor in graph.outputs}  # a fitted head is frozen, too
    for node in reversed(fixed):
        if id(node.outputs[0]) in ends or not _can_cut_behind(node):
            continue
        if _all_pass(node.outputs[0], crossing, fixed):
            before = _before(node.outputs[0], fixed)
            if any(map(_has_frozen_weights, before)):
                return Cut(node.outputs[0])
            break
    return Cut(None, _describe_paths(crossing))


def _fixed_nodes(
    nodes: Sequence[Node], inputs: Sequence[keras.KerasTensor]
) -> tuple[list[Node], str]:
    """Returns the nodes with fixed outputs, and the obstacle at the first other node."""
    known = {id(tensor) for tensor in inputs}
    fixed: list[Node] = []
    first_obstacle = ""
    for node in nodes:
        if not all(id(tensor) in known for tensor in node.inputs):
            continue
        obstacle = _obstacle(node)
        if obstacle:
            first_obstacle = first_obstacle or obstacle
            continue
        fixed.append(node)
        known |= {id(tensor) for tensor in node.outputs}
    return fixed, first_obstacle


def _obstacle(node: Node) -> str:
    """Returns why the outputs of a layer may change in training; empty if they can't."""
    operation = node.operation
    name = f"layer {operation.name!r}"
    if isinstance(operation, keras.Layer):
        if operation.trainable_variables:
            return f"{name} trains"
        graph = functional_form(operation)
        if graph is not None:
            return next(filter(None, map(_obstacle, nodes_in_order(graph))), "")
        obstacles = map(_obstacle_in_layer, leaf_layers(operation))
        found: str = next(filter(None, obstacles), "")
        if found:
            return found
    if not is_describable(node):
        return (
            f"{name} has custom code, so features of its different versions can't be "
            "distinguished"
        )
    return ""


def _obstacle_in_layer(layer: keras.Layer) -> str:
    name = f"layer {layer.name!r}"
    if is_random(layer):
        return f"{name} draws random numbers"
    if own_state(layer) and not _keeps_its_state(layer):
        return f"{name} changes its own state"
    if layer.activity_regularizer is not None:
        return f"{name} adds a loss"
    return ""


def _keeps_its_state(layer: keras.Layer) -> bool:
    """Returns whether a layer is known to keep its state unchanged in training."""
    if isinstance(layer, keras.layers.Normalization):
        return True
    return isinstance(layer, keras.layers.BatchNormalization) and not layer.trainable


def _can_cut_behind(node: Node) -> bool:
    """Returns whether one array of fixed shape is all that the rest needs from a node."""
    if len(node.outputs) != 1 or carries_mask(node.outputs[0]):
        return False
    return None not in node.outputs[0].shape[1:]


def _crossing_tensors(
    nodes: Sequence[Node], fixed: Sequence[Node], outputs: Sequence[keras.KerasTensor]
) -> list[keras.KerasTensor]:
    """Returns the tensors that the rest takes from fixed nodes or the inputs."""
    done = {id(node) for node in fixed}
    late = {id(t) for node in nodes if id(node) not in done for t in node.outputs}
    wanted = [t for node in nodes if id(node) not in done for t in node.inputs]
    found = [tensor for tensor in (*wanted, *outputs) if id(tensor) not in late]
    return list({id(tensor): tensor for tensor in found}.values())


def _all_pass(
    gate: keras.KerasTensor, tensors: Sequence[keras.KerasTensor], nodes: Sequence[Node]
) -> bool:
    """Returns whether every path from the inputs to `tensors` passes through `gate`."""
    producers = {id(tensor): node for node in nodes for tensor in node.outputs}
    waiting = list(tensors)
    seen = {id(gate)}
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if id(tensor) not in producers:
            return False  # an input of the model
        waiting += producers[id(tensor)].inputs
    return True


def _before(tensor: keras.KerasTensor, nodes: Sequence[Node]) -> Iterator[Node]:
    """Yields the nodes that a tensor depends on."""
    producers = {id(each): node for node in nodes for each in node.outputs}
    waiting, seen = [tensor], set()
    while waiting:
        node = producers.get(id(waiting.pop()))
        if node is not None and id(node) not in seen:
            seen.add(id(node))
            waiting += node.inputs
            yield node


def _has_frozen_weights(node: Node) -> bool:
    """Returns whether a layer has weights that would train if it were not frozen."""
    operation: Any = node.operation
    if not isinstance(operation, keras.Layer):
        return False
    layers = leaf_layers(operation)
    plain = (each for each in layers if not isinstance(each, keras.layers.Normalization))
    return any(not functional_form(each) and each.weights for each in plain)


def _describe_paths(tensors: Sequence[keras.KerasTensor]) -> str:
    names = ", ".join(repr(producer_of(tensor).name) for tensor in tensors)
    return f"several paths lead from frozen to trained layers, from {names}"
