"""Wraps the internals of Keras's model graphs and layers that we use.

docs/keras-internals.md explains each function; tests/models/test_keras_graph.py fails
when a new version of Keras breaks one.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras.src import backend
from keras.src.models.functional import Functional


class Node(NamedTuple):
    """One call of a layer in the graph of a model.

    Attributes:
        operation: The layer, or an operation such as an addition.
        inputs: Its symbolic inputs.
        outputs: Its symbolic outputs.
        arguments: Its positional and keyword arguments.
    """

    operation: Any
    inputs: Sequence[keras.KerasTensor]
    outputs: Sequence[keras.KerasTensor]
    arguments: tuple[Any, Any]


def functional_form(model: Any) -> Functional | None:
    """Returns the graph of a functional or sequential model, or None for anything else.

    A subclass that is called in another way is something else.
    """

    def is_called_like(kind: Any) -> bool:
        own = type(model)
        return own.call is kind.call and own.__call__ is kind.__call__

    if isinstance(model, keras.Sequential):
        is_plain = is_called_like(keras.Sequential)
        return model._functional if is_plain and model.built else None
    is_plain = isinstance(model, Functional) and is_called_like(Functional)
    return model if is_plain else None


def nodes_in_order(graph: Functional) -> list[Node]:
    """Returns the calls of a graph in topological order."""
    depths = sorted(graph._nodes_by_depth, reverse=True)
    nodes = [node for depth in depths for node in graph._nodes_by_depth[depth]]
    return [
        Node(
            node.operation,
            node.input_tensors,
            node.output_tensors,
            (node.arguments.args, node.arguments.kwargs),
        )
        for node in nodes
        if not node.is_input
    ]


def producer_of(tensor: keras.KerasTensor) -> Any:
    """Returns the layer or operation that outputs a symbolic tensor."""
    return tensor._keras_history.operation


def carries_mask(tensor: keras.KerasTensor) -> bool:
    """Returns whether a mask is attached to a tensor."""
    return backend.get_keras_mask(tensor) is not None


def leaf_layers(layer: keras.Layer) -> list[keras.Layer]:
    """Returns a layer and all layers within it."""
    return list(layer._flatten_layers(include_self=True, recursive=True))


def direct_layers(layer: keras.Layer) -> list[keras.Layer]:
    """Returns the direct sublayers of a layer or model, in the order of creation."""
    return list(layer._flatten_layers(include_self=False, recursive=False))


def is_random(layer: keras.Layer) -> bool:
    """Returns whether a layer itself draws random numbers in training.

    A recorded `training=False` has no effect, since Keras overrides it when the enclosing
    model trains.
    """
    if isinstance(layer, keras.layers.Dropout) and layer.rate == 0:
        return False
    return bool(layer._seed_generators)


def own_state(layer: keras.Layer) -> list[keras.Variable]:
    """Returns the layer's own non-trainable variables, without seeds."""
    seeds = {id(each.state) for each in layer._seed_generators}
    return [each for each in layer._non_trainable_variables if id(each) not in seeds]


def is_of_keras(operation: Any) -> bool:
    """Returns whether the class of a layer, operation or model is part of Keras."""
    return type(operation).__module__.startswith(("keras.src.", "keras."))


def part_before(features: keras.KerasTensor, model: keras.Model) -> keras.Model:
    """Returns the part of a functional or sequential model up to a tensor in its graph.

    Its inputs are those inputs of the model that the tensor depends on.
    """
    graph = functional_form(model)
    if graph is None:
        return keras.Model(model.inputs, features)
    before = {id(features)}
    for node in reversed(nodes_in_order(graph)):
        if before.intersection(map(id, node.outputs)):
            before |= set(map(id, node.inputs))
    needed = [each for each in graph.inputs if id(each) in before]
    all_of_them = len(needed) == len(graph.inputs)
    return keras.Model(graph._inputs_struct if all_of_them else needed, features)


def head_behind(features: keras.KerasTensor, model: keras.Model) -> keras.Model:
    """Returns the part of a model from a tensor in its graph to its outputs.

    Args:
        features: The tensor. No other path leads from the first input to the outputs.
        model: The model. Its inputs after the first are also inputs of the part, after
            `features`.

    Returns:
        A model of the same layer objects, compiled with the optimizer, losses and metrics
        of the model.
    """
    graph = functional_form(model)
    outputs = model.outputs if graph is None else graph._outputs_struct
    others = list(model.inputs[1:])
    inputs = [features, *others] if others else features
    head = keras.Model(inputs, outputs, name=model.name)
    arguments = {**model._compile_config.config, "optimizer": model.optimizer}
    head.compile(**arguments)
    return head
