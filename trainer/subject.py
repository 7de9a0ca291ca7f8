"""A trained model with its test images, for further evaluation."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..core.table_features import IMAGE
from ..evaluation.evidence import Evidence, Labeled, as_labeled
from ..evaluation.predictions import Predictions
from ..models.table_inputs import image_and_columns
from .contracts import GivesInputs, KnowsColumns, KnowsContradictions, is_labeled
from .loop.evaluation import predict_held_out
from .loop.outputs import as_predictions, collect
from .setup.datasets import as_source
from .setup.overrides import refuse_own_prediction
from .step.batches import Batches
from .step.evaluate import FunctionStep, PredictionStep


class TrainedModel:
    """Implements `report.subject.Subject`.

    Args:
        model: The result of `fit`, or a loaded model.
        test: The test split.
        validation: The validation split, or None.
        batch_size: Images per call over all devices.
    """

    def __init__(
        self, model: keras.Model, test: Any, validation: Any, batch_size: int = 32
    ) -> None:
        self.model = model
        self.test = test
        self.validation = validation
        self.batch_size = batch_size
        self._steps: dict[Callable[..., Any], FunctionStep] = {}

    def predict(
        self, images: npt.NDArray[Any], places: npt.NDArray[np.int64] | None = None
    ) -> npt.NDArray[np.float32]:
        """Computes the outputs for images in batches on all devices.

        Args:
            images: Images of the test split, possibly altered,
                `(images, height, width, channels)`.
            places: Position of each image in the test split, for its table columns;
                `(images,)`.

        Returns:
            The outputs, `(images, classes)` float32.
        """
        inputs: Any = images
        if places is not None and isinstance(self.test, GivesInputs):
            inputs = self.test.model_inputs(images, places)
        dataset = tf.data.Dataset.from_tensor_slices(inputs).batch(self.batch_size)
        outputs: npt.NDArray[np.float32] = self._collect(self._prediction, dataset)
        return outputs

    def columns(self, places: npt.NDArray[np.int64]) -> list[npt.NDArray[Any]]:
        """See `Subject`: returns an array per column, ordered like the model's inputs."""
        if not isinstance(self.test, GivesInputs):
            return []
        return image_and_columns(self.model, self.test.model_inputs(places, places))[1]

    def run(self, function: Callable[..., Any], *arrays: npt.NDArray[Any]) -> Any:
        """Runs a TensorFlow function on batches of rows on all devices.

        Args:
            function: Takes one tensor per array, all with the same number of rows, and
                returns tensors with as many rows. It is traced once.
            *arrays: Arrays with the same number of rows.

        Returns:
            The concatenated results, one row per example.
        """
        strategy = self.model.distribute_strategy
        dataset = tf.data.Dataset.from_tensor_slices(arrays).batch(self.batch_size)
        step = self._steps.setdefault(function, FunctionStep(function, strategy))
        return self._collect(step, dataset)

    @cached_property
    def _prediction(self) -> PredictionStep:
        """The prediction step, which is traced only once."""
        refuse_own_prediction(self.model)
        return PredictionStep(self.model, self.model.distribute_strategy, _as_inputs)

    def _collect(self, step: Callable[[Any], Any], dataset: tf.data.Dataset) -> Any:
        strategy = self.model.distribute_strategy
        return Batches(strategy, as_source(dataset, "arrays")).read_all(
            lambda batches: collect(
                strategy, lambda: step(batches), int(dataset.cardinality())
            )
        )

    def evidence(self, test: Predictions) -> Evidence:
        """Joins predictions for test images with those for validation images."""
        return Evidence(_labeled(test, self.test), self._labeled_validation())

    def _labeled_validation(self) -> Labeled | None:
        source = self.validation
        if not is_labeled(source):
            return None
        outputs = predict_held_out(self.model, as_source(source, "validation"))
        return _labeled(as_predictions(source, outputs), source)


def _as_inputs(inputs: Any) -> tuple[Any, None, None]:
    if isinstance(inputs, dict):
        images = tf.cast(inputs[IMAGE], tf.float32)
        return inputs | {IMAGE: images}, None, None
    return tf.cast(inputs, tf.float32), None, None


def _labeled(predictions: Predictions, source: object) -> Labeled:
    known = source.contradictory if isinstance(source, KnowsContradictions) else None
    if not isinstance(source, KnowsColumns):
        return as_labeled(predictions, known)
    return as_labeled(predictions, known, source.groups, source.columns)
