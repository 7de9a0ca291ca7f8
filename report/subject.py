"""Protocols of explainers, and of the model that they explain."""

from typing import Any, Protocol, runtime_checkable

import keras
import numpy as np
import numpy.typing as npt

from ..evaluation.evidence import Evidence
from ..evaluation.finding import Finding
from ..evaluation.predictions import Predictions


class Subject(Protocol):
    """A model on its devices, with the images on which it is evaluated.

    Attributes:
        model: The model, which takes `(images, height, width, 3)` float32 RGB from 0 to
            255.
        test: The test split, with `images(places)`: `(places, height, width, 3)` uint8.
        validation: The validation split, or None.
    """

    model: keras.Model
    test: Any
    validation: Any

    def predict(
        self, images: npt.NDArray[Any], places: npt.NDArray[np.int64] | None = None
    ) -> npt.NDArray[np.float32]:
        """Predicts images in batches on all devices; returns outputs `(images, classes)`.

        Args:
            images: Images of the test split, possibly modified.
            places: Positions of the images in the test split, for table columns.
        """

    def evidence(self, test: Predictions) -> Evidence:
        """Combines predictions for test images with those for validation images."""

    def columns(self, places: npt.NDArray[np.int64]) -> list[npt.NDArray[Any]]:
        """Returns the model's table columns for test images, `(places, 1)` each.

        Args:
            places: Positions of the images in the test split.
        """

    def run(self, function: Any, *arrays: npt.NDArray[Any]) -> Any:
        """Runs a TensorFlow function on batches of rows, on all devices.

        Args:
            function: Function of one tensor per array, all with the same number of rows,
                that returns tensors with as many rows.
            *arrays: Arrays with the same number of rows.
        """


@runtime_checkable
class Explainer(Protocol):
    """A part of an evaluation that runs the model, or shows images."""

    def explain(self, evidence: Evidence, subject: Subject) -> Finding:
        """Returns the result; what can't be measured is a gap, not an error."""
