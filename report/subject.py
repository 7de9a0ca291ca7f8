"""What explainers may ask of the model that is measured."""

from typing import Any, Protocol, runtime_checkable

import keras
import numpy as np
import numpy.typing as npt

from ..evaluation.evidence import Evidence
from ..evaluation.finding import Finding
from ..evaluation.predictions import Predictions


class Subject(Protocol):
    """A model on its devices, with the images it is measured on.

    Attributes:
        model: Takes `(images, height, width, 3)` float32 RGB from 0 to 255.
        test: The test split, with `images(places)`: `(places, height, width, 3)` uint8.
        validation: The validation split, or None.
    """

    model: keras.Model
    test: Any
    validation: Any

    def predict(
        self, images: npt.NDArray[Any], places: npt.NDArray[np.int64] | None = None
    ) -> npt.NDArray[np.float32]:
        """Outputs for images, a batch at a time on all devices: `(images, classes)`.

        Args:
            images: Of the test split, changed in whichever way.
            places: Of each in the test split, for models that take columns beside it.
        """

    def evidence(self, test: Predictions) -> Evidence:
        """What was predicted for test images, and the predictions for validation."""

    def columns(self, places: npt.NDArray[np.int64]) -> list[npt.NDArray[Any]]:
        """What the model takes of a table beside test images, `(places, 1)` a column.

        Args:
            places: Of the images in the test split.
        """

    def run(self, function: Any, *arrays: npt.NDArray[Any]) -> Any:
        """A TensorFlow function of batches of rows, on all devices, one row per example.

        Args:
            function: Of one tensor for each array, all with the same number of rows;
                returns tensors with as many rows.
            *arrays: With as many rows as each other.
        """


@runtime_checkable
class Explainer(Protocol):
    """A part of an evaluation that asks the model, or shows images."""

    def explain(self, evidence: Evidence, subject: Subject) -> Finding:
        """Measures; what can't be measured is a gap and no error."""
