"""Exports a model or an ensemble in several formats."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..models.ensemble import ensemble_model
from ..models.table_inputs import columns_of_models
from .asked_export import SECONDS
from .compared_images import ComparedImages
from .comparison import Parity
from .corrected import corrected_models
from .description import Description
from .float32_form import float32_form
from .formats.contract import Format
from .parity import TOLERANCE
from .portable.columns import inputs_for
from .portable.document import parse_document
from .portable.runtimes import Inputs, KerasRun
from .write_export import Measure, write_export

_BATCH = 32


@dataclass(frozen=True)
class ExportResult:
    """An export that has been checked.

    Attributes:
        directory: Directory of the export.
        parity: The differences between its outputs and those of the model.
        int8: Measurements of an int8 export, as in its `parity.json`; None for others.
    """

    directory: Path
    parity: Parity
    int8: Mapping[str, Any] | None = None


class Exporter:
    """Exports a model in one or several formats.

    Args:
        models: A model, or several whose mean is exported. They are not changed. Models
            trained in half precision are exported and compared in float32.
        description: Description of the model; with `applied_in_graph`, the exported model
            calibrates its probabilities.
        images: The images on which an export is compared with the model.

    Raises:
        ConfigError: The models take different table columns.

    Attributes:
        images: The images on which an export is compared with the model.
        columns: Table columns that the models take, or None.
    """

    def __init__(
        self,
        models: Sequence[keras.Model],
        description: Description,
        images: ComparedImages,
    ) -> None:
        self.columns = columns_of_models(models)
        self._models = [float32_form(model) for model in models]
        self._description = replace(description, columns=self.columns)
        self.images = images

    def write(
        self,
        format: Format,
        output: Path,
        *,
        tolerance: float | None = TOLERANCE,
        measure: Measure | None = None,
        timeout_seconds: float = SECONDS,
    ) -> ExportResult:
        """Writes an export; see `write_export`.

        Raises:
            ConfigError: Its outputs differ from those of the model, or it can't be written.
            DataError: An image was changed or removed.
        """
        rules = parse_document(self._description.as_json()).rules_of_task
        with self.images.reference(self.probabilities, rules) as reference:
            parity = write_export(
                self._candidates(),
                format,
                self._description,
                reference,
                output,
                tolerance,
                measure,
                timeout_seconds,
            )
        return ExportResult(output, parity)

    def _candidates(self) -> Iterator[keras.Model]:
        is_one = len(self._models) == 1
        model = self._models[0] if is_one else ensemble_model(self._models)
        correction, size = self._description.correction, self._description.image_size
        if correction is not None and self._description.applied_in_graph:
            yield from corrected_models(model, correction, (size, size, 3))
        else:
            yield model

    @cached_property
    def probabilities(self) -> npt.NDArray[np.floating]:
        """The result of `predict` for the images, `(images, classes)`."""
        return self.predict(self.images.pixels, self.images.cells)

    def predict(
        self,
        pixels: npt.NDArray[np.uint8],
        cells: Mapping[str, Sequence[str]] | None = None,
    ) -> npt.NDArray[np.floating]:
        """Computes the calibrated mean of the models themselves, not of exports.

        Args:
            pixels: RGB images, `(images, height, width, 3)` uint8.
            cells: Table cells by column, if the models take columns.

        Returns:
            The outputs, `(images, classes)`.
        """
        columns = self.columns
        inputs: Any = pixels
        if columns is not None:
            inputs = inputs_for(None, columns, pixels, cells or {})
        each = [predict_in_batches(model, inputs) for model in self._models]
        mean = np.asarray(np.mean(each, axis=0, dtype=np.float64))
        correction = self._description.correction
        return mean if correction is None else correction.apply(mean)


def predict_in_batches(model: keras.Model, inputs: Inputs) -> npt.NDArray[np.float32]:
    """Computes outputs for images in full float32 precision.

    Args:
        model: A model with one output.
        inputs: RGB images of the model's size, `(images, height, width, 3)`, or these and
            columns by name.

    Returns:
        The outputs, `(images, classes)` float32.
    """
    was_on = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        count = len(keras.tree.flatten(inputs)[0])
        run = KerasRun(model)
        outputs: list[Any] = [
            run(keras.tree.map_structure(lambda each: each[at : at + _BATCH], inputs))  # noqa: B023
            for at in range(0, count, _BATCH)
        ]
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(was_on)
    return np.concatenate(outputs)
