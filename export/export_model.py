"""Exports one model, or several as one, in any number of formats."""

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
        directory: Where it is.
        parity: How its answers differ from those of the model.
        int8: What was measured of an export in 8-bit integers, as its `parity.json` holds
            it; None of any other.
    """

    directory: Path
    parity: Parity
    int8: Mapping[str, Any] | None = None


class Exporter:
    """Exports a model in one format after another.

    Args:
        models: One; or several, whose mean is exported. They stay as they are; what was
            trained in half precision is exported, and compared, in float32.
        description: Of the model; with `applied_in_graph`, what is exported corrects its
            probabilities itself.
        images: By which an export is compared with the model.

    Raises:
        ConfigError: The models take different columns of a table.

    Attributes:
        images: The same.
        columns: Those of a table that the models take beside the image, or None.
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
            ConfigError: It does not answer like the model, or can't be written.
            DataError: An image is not what it was.
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
        """What `predict` says of the images: `(images, classes)`."""
        return self.predict(self.images.pixels, self.images.cells)

    def predict(
        self,
        pixels: npt.NDArray[np.uint8],
        cells: Mapping[str, Sequence[str]] | None = None,
    ) -> npt.NDArray[np.floating]:
        """What the models themselves say, corrected: not what exports do.

        Args:
            pixels: `(images, height, width, 3)`, RGB.
            cells: By column, where the models take columns.

        Returns:
            `(images, classes)`.
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
    """Outputs for images of the size that a model takes, in full float32.

    Args:
        model: Any with one output.
        inputs: Images `(images, height, width, 3)`, RGB, or these and columns by name.

    Returns:
        `(images, classes)`.
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
