"""Folds batch normalization into the layers before it, for inference.

In inference, batch normalization multiplies and shifts each channel by constants. A
convolution with scaled weights and another bias does this at no cost. Source: Jacob et al.
2018, Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference, section 3.2.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .keras_graph import Node, functional_form, nodes_in_order, with_other_layers
from .variables import value_on_host

# Stored in a model's `__dict__`, not as an attribute, which Keras would track and save.
_FOLDED = "_folded_of_keraunos"
# With fewer bits, folded kernels are rounded to other values, and after many layers the
# outputs differ by a tenth.
_PRECISE = ("float32", "float64")
_FOLDABLE = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.Dense,
)


@dataclass(frozen=True)
class Folded:
    """A copy of a model for inference.

    Not a tuple, since Keras saves the models in any tuple in a model's `__dict__`.

    Attributes:
        model: The copy, or the model itself if nothing could be folded.
        parts: Each layer of the original that was folded, with its batch normalization and
            the layer that replaces both.
    """

    model: keras.Model
    parts: list[tuple[keras.Layer, keras.layers.BatchNormalization, keras.Layer]]


class Unchanged(keras.layers.Layer):
    """Takes the place of a folded batch normalization."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Returns its inputs."""
        return inputs


def folded(model: keras.Model, strategy: tf.distribute.Strategy) -> keras.Model:
    """Returns a faster model with the same outputs in inference mode.

    Batch normalization is folded into a convolution or dense layer if nothing else uses the
    outputs of that layer, and if it computes with at least the precision of float32. Other
    layers are those of the model, not copies. A model has one copy, whose weights this
    function computes from the current ones.

    Args:
        model: A built model.
        strategy: The strategy in whose scope the copy is created.

    Returns:
        The copy; `model` itself if it is neither functional nor sequential, or nothing can
        be folded. Outputs differ by rounding.

    Example:
        >>> layers = [keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()]
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
        >>> copy = folded(model, tf.distribute.get_strategy())
        >>> model.count_params(), copy.count_params()
        (128, 112)
    """
    kept = vars(model)
    if _FOLDED not in kept:
        with strategy.scope():
            kept[_FOLDED] = _fold(model)
    copy: Folded = kept[_FOLDED]
    for layer, norm, replacement in copy.parts:
        kernel, bias = _folded_weights(layer, norm)
        replacement.kernel.assign(kernel)
        replacement.bias.assign(bias)
    return copy.model


def _fold(model: keras.Model) -> Folded:
    pairs = {} if _uses_tf32() else find_pairs(model)
    if not pairs:
        return Folded(model, [])
    replacements: dict[keras.Layer, keras.Layer] = {
        norm: Unchanged(name=norm.name, dtype=norm.dtype_policy) for norm in pairs.values()
    }
    parts = [(layer, norm, _with_bias(layer)) for layer, norm in pairs.items()]
    replacements.update((layer, new) for layer, _, new in parts)

    def replace(operation: Any) -> Any:
        graph = functional_form(operation)
        if graph is not None and operation not in replacements:
            copy = with_other_layers(graph, replace, operation.name)
            replacements[operation] = copy
        return replacements.get(operation, operation)

    return Folded(replace(model), parts)


def find_pairs(
    model: keras.Model,
) -> Mapping[keras.Layer, keras.layers.BatchNormalization]:
    """Returns the layers that batch normalization can be folded into, with that layer."""
    graphs = list(_graphs(model))
    if None in graphs:
        return {}
    calls = Counter(
        id(node.operation) for graph in graphs for node in nodes_in_order(graph)
    )
    return {
        layer: norm
        for graph in graphs
        for layer, norm in _pairs_in(graph)
        if calls[id(layer)] == calls[id(norm)] == 1
    }


def _graphs(model: keras.Model) -> Iterator[Any]:
    """Yields the graphs of a model and the models within it, once; None if one has none."""
    waiting, seen = [model], set()
    while waiting:
        each = waiting.pop()
        graph = functional_form(each)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield graph
        if graph is not None:
            operations = [node.operation for node in nodes_in_order(graph)]
            waiting += [each for each in operations if isinstance(each, keras.Model)]


def _pairs_in(
    graph: Any,
) -> Iterator[tuple[keras.Layer, keras.layers.BatchNormalization]]:
    nodes = nodes_in_order(graph)
    producers = {id(tensor): node.operation for node in nodes for tensor in node.outputs}
    used = [tensor for node in nodes for tensor in node.inputs]
    uses = Counter(map(id, [*used, *graph.outputs]))
    for node in nodes:
        if type(node.operation) is keras.layers.BatchNormalization:
            tensor = id(node.inputs[0])
            layer = producers.get(tensor)
            if uses[tensor] == 1 and _can_fold(layer, node):
                yield layer, node.operation


def _can_fold(layer: Any, node: Node) -> bool:
    """Returns whether a call of batch normalization can be folded into a layer."""
    norm: keras.layers.BatchNormalization = node.operation
    return (
        type(layer) in _FOLDABLE
        and layer.activation is keras.activations.linear
        and (_is_depthwise(layer) or not layer.lora_enabled)
        and (_is_dense(layer) or layer.data_format == "channels_last")
        and type(layer.dtype_policy) is type(norm.dtype_policy) is keras.DTypePolicy
        and layer.dtype_policy.name == norm.dtype_policy.name
        and layer.compute_dtype in _PRECISE
        and norm.axis in (-1, len(node.inputs[0].shape) - 1)
        and not node.arguments[1].get("training")
    )


def _uses_tf32() -> bool:
    """Returns whether a GPU rounds float32 to TF32, as precise as float16."""
    has_gpu = bool(tf.config.list_logical_devices("GPU"))
    return has_gpu and tf.config.experimental.tensor_float_32_execution_enabled()


def _with_bias(layer: keras.Layer) -> keras.Layer:
    """Returns a layer of the same shape with a bias, whose weights are zero."""
    kernel = "depthwise" if _is_depthwise(layer) else "kernel"
    zeros = {f"{kernel}_initializer": "zeros", "bias_initializer": "zeros"}
    return type(layer).from_config({**layer.get_config(), "use_bias": True, **zeros})


def _folded_weights(layer: Any, norm: keras.layers.BatchNormalization) -> tuple[Any, Any]:
    """Computes a kernel and a bias that include the normalization."""
    kernel, *bias = (value_on_host(variable) for variable in layer.weights)
    mean, variance = value_on_host(norm.moving_mean), value_on_host(norm.moving_variance)
    scale = 1 / np.sqrt(variance.astype(np.float64) + norm.epsilon)
    if norm.scale:
        scale = scale * value_on_host(norm.gamma)
    shift = -mean * scale
    if norm.center:
        shift = shift + value_on_host(norm.beta)
    if bias:
        shift = shift + bias[0] * scale
    per_output = scale.reshape(kernel.shape[-2:]) if _is_depthwise(layer) else scale
    return (kernel * per_output).astype(kernel.dtype), shift.astype(kernel.dtype)


def _is_depthwise(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.DepthwiseConv1D | keras.layers.DepthwiseConv2D)


def _is_dense(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.Dense)
