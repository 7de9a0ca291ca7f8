"""Converts models with text columns to take integer codes instead.

The formats of other runtimes do not support text. A code is the index of a word in the
categories of its column, or -1 for any other word.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ..core.table_features import TableFeatures, WordColumn
from .keras_graph import Node, functional_form, nodes_in_order

_NEVER = -2  # equals no code


def coded_form(model: keras.Model, features: TableFeatures) -> keras.Model:
    """Returns a model of the same layers that takes int32 codes instead of words.

    Args:
        model: A model of an image and table columns, or one that contains such models.
        features: The columns with their categories, which include those of each lookup in
            the model.

    Returns:
        A model with the same inputs in the same order.
    """
    categories = {
        each.name: each.words for each in features.columns if isinstance(each, WordColumn)
    }
    return _coded(model, categories)


class _CodeLookup(keras.layers.Layer):
    """One-hot encodes codes; never saved by Keras."""

    def __init__(self, codes: Sequence[int], name: str) -> None:
        super().__init__(name=name, dtype="float32", autocast=False)
        self._codes = np.array([codes], np.int32)

    def call(self, codes: Any) -> Any:
        return keras.ops.cast(keras.ops.equal(codes, self._codes), "float32")


def _coded(model: keras.Model, categories: Mapping[str, tuple[str, ...]]) -> keras.Model:
    graph = functional_form(model)
    if graph is None:
        raise TypeError(f"{type(model).__name__} has no graph")
    inputs = [_coded_input(each) for each in graph.inputs]
    changed: dict[int, keras.KerasTensor] = {
        id(old): new
        for old, new in zip(graph.inputs, inputs, strict=True)
        if old is not new
    }
    for node in nodes_in_order(graph):
        if changed.keys() & set(map(id, node.inputs)):
            found = keras.tree.flatten(_call(node, changed, categories))
            changed.update(zip(map(id, node.outputs), found, strict=True))
    outputs = [changed.get(id(each), each) for each in graph.outputs]
    return keras.Model(inputs, outputs[0], name=model.name)


def _coded_input(tensor: keras.KerasTensor) -> keras.KerasTensor:
    if tensor.dtype != "string":
        return tensor
    return keras.Input(tensor.shape[1:], name=tensor.name, dtype="int32")


def _call(
    node: Node,
    changed: Mapping[int, keras.KerasTensor],
    categories: Mapping[str, tuple[str, ...]],
) -> Any:
    """Calls a layer again, with its changed inputs."""
    layer = node.operation
    if isinstance(layer, keras.layers.StringLookup):
        words = categories[node.inputs[0].name]
        own = [_NEVER, *(words.index(word) for word in layer.get_vocabulary()[1:])]
        return _CodeLookup(own, name=layer.name)(changed[id(node.inputs[0])])
    if functional_form(layer) is not None:
        layer = _coded(layer, categories)
    args, kwargs = keras.tree.map_structure(
        lambda leaf: changed.get(id(leaf), leaf), node.arguments
    )
    return layer(*args, **kwargs)
