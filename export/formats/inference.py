"""A model as a TensorFlow function of images, which is what converters start from."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from ...core.errors import ConfigError, message
from ...models.keras_graph import functional_form

IMAGES = "images"
PROBABILITIES = "probabilities"
SIGNATURE = "serving_default"


def inference_function(model: keras.Model, is_for_converters: bool = False) -> Any:
    """The `tf.function` of a model as it predicts.

    Args:
        model: Functional or sequential, from images to probabilities.
        is_for_converters: Whether it is made of operations alone. Keras has XLA compile
            grouped convolutions, such as those of ConvNeXt, on their own: TensorFlow
            needs that on CPUs, and no converter knows what it is.

    Returns:
        A function from `images`, `(any number, height, width, 3)`, float32, to a
        dictionary with `probabilities`, `(images, classes)`, float32.

    Raises:
        ConfigError: The model has no graph, or several inputs or outputs.
    """
    shape = (None, *_image_shape(model))
    images = tf.TensorSpec(shape, tf.float32, name=IMAGES)

    @tf.function(input_signature=[images])
    def infer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        with _inlined() if is_for_converters else contextlib.nullcontext():
            outputs = model(images, training=False)
        return {PROBABILITIES: tf.cast(outputs, tf.float32)}

    return infer


@contextlib.contextmanager
def _inlined() -> Iterator[None]:
    """Traces functions within a model as part of it."""
    earlier = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(earlier)


def write_saved_model(
    model: keras.Model, directory: Path, signatures: Mapping[str, Any] | None = None
) -> None:
    """Writes the weights of a model, and functions that use them, as a SavedModel.

    `model.export` keeps the layers, too: that is twice the size, and takes five times as
    long.

    Args:
        model: Functional or sequential, from images to probabilities.
        directory: Must not exist.
        signatures: `tf.function`s with an input signature, by name, beside
            `serving_default`; that is `inference_function` where it is not among them.

    Raises:
        ConfigError: The model has no graph, or several inputs or outputs.
    """
    kept = tf.Module()
    kept.weights = [variable.value for variable in model.variables]
    functions = dict(signatures or {})
    if SIGNATURE not in functions:
        functions[SIGNATURE] = inference_function(model)
    tf.saved_model.save(kept, str(directory), signatures=functions)


@contextlib.contextmanager
def saved_for_conversion(model: keras.Model) -> Iterator[str]:
    """Writes a model as a SavedModel for converters, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="keraunos-export-") as folder:
        directory = Path(folder, "model")
        function = inference_function(model, is_for_converters=True)
        write_saved_model(model, directory, {SIGNATURE: function})
        yield str(directory)


def require_one_input_and_output(inputs: int, outputs: int, file: Path) -> None:
    """Makes sure that a converter made nothing up.

    Raises:
        ConfigError: What it wrote takes or returns something else as well.
    """
    if (inputs, outputs) != (1, 1):
        raise ConfigError(
            message(
                "What is exported takes images and returns probabilities, nothing else.",
                "Export it in another format; Keraunos could not mend what this "
                "converter made of it.",
                file=file.name,
                inputs=inputs,
                outputs=outputs,
            )
        )


def _image_shape(model: keras.Model) -> tuple[int | None, ...]:
    graph = functional_form(model)
    if graph is None:
        raise ConfigError(
            message(
                "This format needs a functional or sequential model that is built; one "
                "with a `call` of its own has no graph.",
                "Let `build()` return keras.Model(inputs, outputs), or export with "
                "--format keras.",
                model=type(model).__name__,
            )
        )
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ConfigError(
            message(
                "A model that is exported has one input, images, and one output, "
                "probabilities.",
                inputs=len(graph.inputs),
                outputs=len(graph.outputs),
            )
        )
    return tuple(graph.inputs[0].shape[1:])
