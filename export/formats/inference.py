"""Converts models to TensorFlow functions of images, for converters."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from ...core.errors import ConfigError, message
from ...core.table_features import TableFeatures, WordColumn
from ...models.coded_columns import coded_form
from ...models.keras_graph import functional_form
from ..portable.columns import IMAGES

PROBABILITIES = "probabilities"
SIGNATURE = "serving_default"


def inference_function(
    model: keras.Model,
    columns: TableFeatures | None = None,
    is_for_converters: bool = False,
) -> Any:
    """Creates the inference function of a model.

    Args:
        model: A functional or sequential model from images to probabilities.
        columns: Table columns that the model takes, or None.
        is_for_converters: Whether to use only operations that converters support. Keras
            compiles grouped convolutions, such as those of ConvNeXt, with XLA, which
            TensorFlow needs on CPUs but converters don't support. Words are then encoded as
            integers.

    Returns:
        A `tf.function` from `images`, `(images, height, width, 3)` float32, to a dict with
        `probabilities`, `(images, classes)` float32. It also takes each column by its input
        name, `(images, 1)`: numbers as float32, NaN if missing; words as string, empty if
        missing, or, for converters, as int32 indices of categories, -1 for any other word.

    Raises:
        ConfigError: The model has no graph, or several inputs or outputs.
    """
    shape = (None, *_image_shape(model, columns))
    specs = [tf.TensorSpec(shape, tf.float32, name=IMAGES)]
    if columns is not None:
        model = coded_form(model, columns)
        specs += _column_specs(columns, tf.int32 if is_for_converters else tf.string)

    @tf.function(input_signature=specs)
    def infer(images: tf.Tensor, *cells: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = [images, *_codes(columns, cells)] if columns is not None else images
        with _inlining_functions() if is_for_converters else contextlib.nullcontext():
            outputs = model(inputs, training=False)
        return {PROBABILITIES: tf.cast(outputs, tf.float32)}

    return infer


def _column_specs(columns: TableFeatures, of_words: tf.DType) -> list[tf.TensorSpec]:
    return [
        tf.TensorSpec(
            (None, 1), of_words if isinstance(each, WordColumn) else tf.float32, name
        )
        for each, name in zip(columns.columns, columns.input_names, strict=True)
    ]


def _codes(columns: TableFeatures, cells: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Encodes words by comparison with each category, since lookup tables need files."""
    return [
        _code(cell, each.words)
        if isinstance(each, WordColumn) and cell.dtype == tf.string
        else cell
        for each, cell in zip(columns.columns, cells, strict=True)
    ]


def _code(text: tf.Tensor, words: Sequence[str]) -> tf.Tensor:
    is_word = tf.cast(tf.equal(text, tf.constant([words])), tf.int32)
    places = tf.range(1, len(words) + 1)
    return tf.reduce_sum(is_word * places, axis=1, keepdims=True) - 1


@contextlib.contextmanager
def _inlining_functions() -> Iterator[None]:
    """Inlines functions within a model when it is traced."""
    earlier = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(earlier)


def write_saved_model(
    model: keras.Model, directory: Path, signatures: Mapping[str, Any]
) -> None:
    """Writes the weights of a model, and functions that use them, as a SavedModel.

    `model.export` also writes the layers, which doubles the size and takes five times as
    long.

    Args:
        model: A functional or sequential model from images to probabilities.
        directory: The directory, which must not exist.
        signatures: `tf.function`s with input signatures, by name, including
            `inference_function` as `serving_default`.
    """
    kept = tf.Module()
    kept.weights = [variable.value for variable in model.variables]
    tf.saved_model.save(kept, str(directory), signatures=dict(signatures))


@contextlib.contextmanager
def saved_for_conversion(
    model: keras.Model, columns: TableFeatures | None = None
) -> Iterator[str]:
    """Writes a model as a temporary SavedModel for converters.

    Args:
        model: See `inference_function`.
        columns: See `inference_function`.
    """
    with tempfile.TemporaryDirectory(prefix="keraunos-export-") as folder:
        directory = Path(folder, "model")
        function = inference_function(model, columns, is_for_converters=True)
        write_saved_model(model, directory, {SIGNATURE: function})
        yield str(directory)


def require_inputs_and_output(
    inputs: int, outputs: int, columns: TableFeatures | None, file: Path
) -> None:
    """Checks that a converted model has the expected inputs and output.

    Raises:
        ConfigError: It has other inputs or outputs.
    """
    if (inputs, outputs) != (1 + _count(columns), 1):
        raise ConfigError(
            message(
                "An exported model must take images, and the columns of its model, and "
                "return probabilities only.",
                "Export it in another format: the output of this converter is wrong.",
                file=file.name,
                inputs=inputs,
                outputs=outputs,
            )
        )


def _count(columns: TableFeatures | None) -> int:
    return 0 if columns is None else len(columns.columns)


def _image_shape(
    model: keras.Model, columns: TableFeatures | None
) -> tuple[int | None, ...]:
    graph = functional_form(model)
    if graph is None:
        raise ConfigError(
            message(
                "This format needs a built functional or sequential model; a model with a "
                "custom `call` has no graph.",
                "Let `build()` return keras.Model(inputs, outputs), or export with "
                "--format keras.",
                model=type(model).__name__,
            )
        )
    if len(graph.inputs) != 1 + _count(columns) or len(graph.outputs) != 1:
        raise ConfigError(
            message(
                "A model to export must have images as input, apart from table columns, "
                "and one output, probabilities.",
                inputs=len(graph.inputs),
                outputs=len(graph.outputs),
            )
        )
    return tuple(graph.inputs[0].shape[1:])
