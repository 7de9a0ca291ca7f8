"""Computes class activation maps on the devices of the model.

Grad-CAM: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", ICCV 2017. Grad-CAM++: Chattopadhay et al., "Grad-CAM++:
Improved Visual Explanations for Deep Convolutional Networks", WACV 2018, equation 19.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from .cam_layers import kernels_behind
from .flat_graph import Call, FlatGraph, Values

RANDOM_HEADS = 20  # with few classes, fewer heads could agree by chance


class Maps(NamedTuple):
    """Maps before ReLU, in which negative cells are evidence against a class.

    Attributes:
        maps: `(rows, classes, height, width)` float32, by the requested method.
        check: `(rows, height, width)` for the first class, by the other method.
        outputs: `(rows, classes of the model)`: outputs of the model.
    """

    maps: tf.Tensor
    check: tf.Tensor
    outputs: tf.Tensor


class CamMaps:
    """Computes maps of a model, which may contain nested models.

    Args:
        graph: Graph of the model.
        layer: The call whose activations are used.
        method: `"grad_cam"` or `"grad_cam_plus_plus"`.

    Attributes:
        kernels: The weights behind the layer, which `of_random_heads` replaces.
        is_of_logits: Whether gradients are of the score before softmax, as in the papers;
            otherwise they are of the log probability.
    """

    def __init__(self, graph: FlatGraph, layer: Call, method: str = "grad_cam") -> None:
        self.kernels = kernels_behind(graph, layer)
        self._graph = graph
        self._layer = layer.outputs[0]
        self._behind = graph.behind(layer)
        late = set(map(id, self._behind))
        self._before = [call for call in graph.calls if id(call) not in late]
        makers = [call for call in self._behind if graph.output in call.outputs]
        self._last = makers[-1] if makers and _ends_in_softmax(makers[-1]) else None
        self.is_of_logits = self._last is not None
        (other,) = set(METHODS) - {method}
        self._method, self._other = METHODS[method], METHODS[other]

    def of_classes(
        self, images: tf.Tensor, classes: tf.Tensor, *columns: tf.Tensor
    ) -> Maps:
        """Returns the maps of some classes for each image.

        Args:
            images: `(rows, height, width, 3)` RGB from 0 to 255.
            classes: `(rows, classes)` int32.
            *columns: `(rows, 1)` for each table column that the model takes.
        """
        values = self._before_layer(images, columns)
        activations = tf.cast(values[self._layer], tf.float32)
        gradients = [
            self._gradient(values, column) for column in tf.unstack(classes, axis=1)
        ]
        maps = [self._method(activations, gradient) for gradient in gradients]
        outputs = self._graph.run(self._behind, values)[self._graph.output]
        check = self._other(activations, gradients[0])
        return Maps(tf.stack(maps, 1), check, tf.cast(outputs, tf.float32))

    def of_random_heads(
        self, images: tf.Tensor, classes: tf.Tensor, *columns: tf.Tensor
    ) -> tf.Tensor:
        """Returns maps of one class for each image, with random weights behind the layer.

        The weights of the model do not change.

        Args:
            images: `(rows, height, width, 3)` RGB from 0 to 255.
            classes: `(rows,)` int32.
            *columns: See `of_classes`.

        Returns:
            `(rows, 1 + RANDOM_HEADS, height, width)` float32: the map of the model, and one
            for each random head.
        """
        values = self._before_layer(images, columns)
        activations = tf.cast(values[self._layer], tf.float32)

        def one_map() -> tf.Tensor:
            return self._method(activations, self._gradient(values, classes))

        @tf.autograph.experimental.do_not_convert  # conversion takes half a second
        def drawn_map(draw: tf.Tensor) -> tf.Tensor:
            drawn = [_drawn(each, draw, n) for n, each in enumerate(self.kernels)]
            pairs = list(zip(self.kernels, drawn, strict=True))
            with keras.StatelessScope(state_mapping=pairs):
                return one_map()

        draws = tf.range(RANDOM_HEADS)
        maps = tf.map_fn(drawn_map, draws, fn_output_signature=tf.float32)
        return tf.concat([one_map()[:, None], tf.transpose(maps, [1, 0, 2, 3])], axis=1)

    def _before_layer(self, images: tf.Tensor, columns: Sequence[tf.Tensor]) -> Values:
        graph = self._graph
        images = tf.cast(images, graph.tensors[graph.input].dtype)
        beside = dict(zip(graph.columns, columns, strict=True))
        return graph.run(self._before, {graph.input: images, **beside})

    def _gradient(self, values: Values, classes: tf.Tensor) -> tf.Tensor:
        """Returns the gradient of a score with respect to the activations of the layer.

        Pooling divides the gradient by the number of cells. The score is multiplied by that
        number, so that the gradient does not underflow in float16.
        """
        activations = values[self._layer]
        cells = tf.cast(tf.reduce_prod(tf.shape(activations)[1:3]), tf.float32)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(activations)
            scores = self._scores({**values, self._layer: activations})
            score = cells * tf.gather(scores, classes, batch_dims=1)
        gradient = tape.gradient(
            score, activations, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return tf.cast(gradient, tf.float32) / cells

    def _scores(self, values: Values) -> tf.Tensor:
        """Returns `(rows, classes)` float32 scores before softmax, or log probabilities."""
        if self._last is None:
            outputs = self._graph.run(self._behind, values)[self._graph.output]
            return tf.math.log(tf.maximum(tf.cast(outputs, tf.float32), 1e-30))
        rest = [call for call in self._behind if call is not self._last]
        values = self._graph.run(rest, values)
        inputs = tf.cast(values[self._last.inputs[0]], tf.float32)
        layer = self._last.operation
        if not isinstance(layer, keras.layers.Dense):
            return inputs
        scores = inputs @ _float32(layer.kernel)
        return scores if layer.bias is None else scores + _float32(layer.bias)


def _ends_in_softmax(call: Call) -> bool:
    layer = call.operation
    if type(layer) is keras.layers.Softmax:
        return True
    plain = type(layer) is keras.layers.Activation or (
        type(layer) is keras.layers.Dense and layer.quantization_mode is None
    )
    return plain and layer.activation is keras.activations.softmax


def _float32(value: Any) -> tf.Tensor:
    return tf.cast(keras.ops.convert_to_tensor(value), tf.float32)


def _drawn(variable: keras.Variable, draw: tf.Tensor, number: int) -> tf.Tensor:
    """Draws a kernel as before training (Glorot normal)."""
    *field, inputs, outputs = variable.shape
    cells = tf.cast(tf.reduce_prod(field), tf.float32) if field else 1.0
    deviation = tf.sqrt(2.0 / (cells * (inputs + outputs)))
    seed = tf.stack([draw, number])
    return deviation * tf.random.stateless_normal(variable.shape, seed)


def _grad_cam(activations: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    weights = tf.reduce_mean(gradient, axis=(1, 2))
    return tf.einsum("nhwc,nc->nhw", activations, weights)


def _grad_cam_plus_plus(activations: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    squared = gradient**2
    sums = tf.reduce_sum(activations, axis=(1, 2), keepdims=True)
    share = tf.math.divide_no_nan(squared, 2 * squared + sums * gradient**3)
    weights = tf.reduce_sum(share * tf.nn.relu(gradient), axis=(1, 2))
    return tf.einsum("nhwc,nc->nhw", activations, weights)


METHODS = {"grad_cam": _grad_cam, "grad_cam_plus_plus": _grad_cam_plus_plus}
