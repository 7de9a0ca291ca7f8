"""Adds the calibration of probabilities to a model, with layers of Keras.

The result can be loaded without Keraunos. After the model follow the logarithm of its
probabilities, a `Rescaling` with the scale and bias of the calibration, and a softmax.
"""

from collections.abc import Iterator
from typing import Any

import keras

from ..core.errors import ConfigError, message
from ..evaluation.calibration.scaling import SMALLEST_PROBABILITY, Correction
from ..models.keras_graph import functional_form, nodes_in_order
from ..models.table_inputs import is_beside_columns

SCALE_LAYER = "calibration_scale"


def corrected_models(
    model: keras.Model, correction: Correction, image_shape: tuple[int, int, int]
) -> Iterator[keras.Model]:
    """Yields models whose outputs are calibrated probabilities, the preferred one first.

    If the model ends with a `Dense` layer with softmax, the first one computes logarithms
    of probabilities from logits, without loss of precision, even in an int8 model. The
    other one takes the logarithm of the model's outputs; for very unlikely classes, below
    1e-38, only this one equals `Correction.apply`.

    Args:
        model: A model from images to probabilities; it is not changed, but shares layers.
        correction: The calibration of its probabilities.
        image_shape: Height, width and channels, for a model without a graph.

    Raises:
        ConfigError: The model is already calibrated, or has several outputs, or several
            inputs other than table columns.
    """
    inputs, outputs = _inputs_and_outputs(model, image_shape)
    scale, bias = correction.coefficients(outputs.shape[-1])
    for logarithms in _logarithms(model, outputs):
        layer = keras.layers.Rescaling(
            scale.tolist(), bias.tolist(), dtype="float32", name=SCALE_LAYER
        )
        softmax = keras.layers.Softmax(dtype="float32", name="calibrated_probabilities")
        yield keras.Model(inputs, softmax(layer(logarithms)), name=model.name)


def _inputs_and_outputs(
    model: keras.Model, image_shape: tuple[int, int, int]
) -> tuple[Any, keras.KerasTensor]:
    graph = functional_form(model)
    if graph is None:
        inputs = keras.Input(image_shape)
        return inputs, model(inputs)
    if SCALE_LAYER in [layer.name for layer in graph.layers]:
        raise ConfigError(
            message(
                "The probabilities of the model are already calibrated.",
                "Export it without --calibrated.",
                model=model.name,
                layer=SCALE_LAYER,
            )
        )
    has_one_input = len(graph.inputs) == 1 or is_beside_columns(model)
    if not has_one_input or len(graph.outputs) != 1:
        raise ConfigError(
            message(
                "A model to calibrate must have one input and one output.",
                inputs=len(graph.inputs),
                outputs=len(graph.outputs),
            )
        )
    inputs = list(graph.inputs)
    return inputs if len(inputs) > 1 else inputs[0], graph.outputs[0]


def _logarithms(
    model: keras.Model, outputs: keras.KerasTensor
) -> Iterator[keras.KerasTensor]:
    """Yields logarithms of probabilities: from logits, if any, and from outputs."""
    logits = _logits(model)
    if logits is not None:
        layer = keras.layers.Activation("log_softmax", dtype="float32", name="logarithms")
        yield layer(logits)
    floats = keras.ops.cast(outputs, "float32")
    yield keras.ops.log(keras.ops.maximum(floats, SMALLEST_PROBABILITY))


def _logits(model: keras.Model) -> keras.KerasTensor | None:
    """Returns the logits of the last layer, computed by a copy of it, or None."""
    graph = functional_form(model)
    if graph is None:
        return None
    last = nodes_in_order(graph)[-1]
    layer = last.operation
    is_last = last.outputs[0] is graph.outputs[0]
    if not (is_last and type(layer) is keras.layers.Dense):
        return None
    if layer.activation is not keras.activations.softmax:
        return None
    linear = keras.layers.Dense.from_config(layer.get_config() | {"activation": "linear"})
    logits = linear(last.inputs[0])
    linear.set_weights(layer.get_weights())
    return logits
