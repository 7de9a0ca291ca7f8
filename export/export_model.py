"""Exports one model, or several as one, in any number of formats."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..core.errors import ConfigError, message
from ..models.ensemble import ensemble_model
from ..models.table_inputs import is_beside_columns
from .asked_export import SECONDS
from .compared_images import ComparedImages
from .comparison import Parity
from .corrected import corrected_models
from .description import Description
from .float32_form import float32_form
from .formats.contract import Format
from .parity import TOLERANCE
from .portable.document import parse_document
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
        ConfigError: A model takes columns of a table beside the image.

    Attributes:
        images: The same.
    """

    def __init__(
        self,
        models: Sequence[keras.Model],
        description: Description,
        images: ComparedImages,
    ) -> None:
        if any(map(is_beside_columns, models)):
            raise ConfigError(_takes_columns(models[0]))
        self._models = [float32_form(model) for model in models]
        self._description = description
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
        return self.predict(self.images.pixels)

    def predict(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.floating]:
        """What the models themselves say, corrected: not what exports do.

        Args:
            pixels: `(images, height, width, 3)`, RGB.

        Returns:
            `(images, classes)`.
        """
        each = [predict_in_batches(model, pixels) for model in self._models]
        mean = np.asarray(np.mean(each, axis=0, dtype=np.float64))
        correction = self._description.correction
        return mean if correction is None else correction.apply(mean)


def predict_in_batches(
    model: keras.Model, images: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Outputs for images of the size that a model takes, in full float32.

    Args:
        model: Any with one input and one output.
        images: `(images, height, width, 3)`, RGB.

    Returns:
        `(images, classes)`.
    """
    was_on = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        outputs: list[Any] = [
            model.predict_on_batch(images[at : at + _BATCH].astype(np.float32))
            for at in range(0, len(images), _BATCH)
        ]
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(was_on)
    return np.concatenate(outputs)


def _takes_columns(model: keras.Model) -> str:
    return message(
        "What is exported takes images alone, and the model takes columns of a table "
        "beside them.",
        "Its model.keras opens with Keras alone; see docs/table-features.md.",
        inputs=[each.name for each in model.inputs],
    )
