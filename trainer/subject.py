"""A model on its devices, with the images it is measured on, for explainers."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..core.table_features import IMAGE
from ..evaluation.evidence import Evidence, Labelled, as_labelled
from ..evaluation.predictions import Predictions
from ..models.table_inputs import image_and_columns
from ..strategies import Position
from .contracts import GivesInputs, KnowsColumns, KnowsContradictions, is_labelled
from .loop.evaluation import predict
from .loop.outputs import as_predictions, collect
from .setup.datasets import as_source
from .setup.overrides import refuse_own_prediction
from .step.batches import Batches
from .step.evaluate import FunctionStep, PredictionStep


class TrainedModel:
    """See `report.subject.Subject`, which this is.

    Args:
        model: As `fit` returned it, or loaded.
        test: The test split.
        validation: The validation split, or None.
        batch_size: Images a call over all devices.
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
        """Outputs for images, a batch at a time on all devices: `(images, classes)`.

        Args:
            images: Of the test split, changed in whichever way.
            places: Of each in the test split, for the columns beside it.
        """
        inputs: Any = images
        if places is not None and isinstance(self.test, GivesInputs):
            inputs = self.test.model_inputs(images, places)
        dataset = tf.data.Dataset.from_tensor_slices(inputs).batch(self.batch_size)
        outputs: npt.NDArray[np.float32] = self._collect(self._prediction, dataset)
        return outputs

    def columns(self, places: npt.NDArray[np.int64]) -> list[npt.NDArray[Any]]:
        """See `Subject`: an array for each column, in the order of the model's inputs."""
        if not isinstance(self.test, GivesInputs):
            return []
        return image_and_columns(self.model, self.test.model_inputs(places, places))[1]

    def run(self, function: Callable[..., Any], *arrays: npt.NDArray[Any]) -> Any:
        """A TensorFlow function of batches of rows, on all devices, one row per example.

        Args:
            function: Of one tensor for each array, all with the same number of rows;
                returns tensors with as many rows. It is traced once.
            *arrays: With as many rows as each other.
        """
        strategy = self.model.distribute_strategy
        dataset = tf.data.Dataset.from_tensor_slices(arrays).batch(self.batch_size)
        step = self._steps.setdefault(function, FunctionStep(function, strategy))
        return self._collect(step, dataset)

    @cached_property
    def _prediction(self) -> PredictionStep:
        """Is traced once, however often it is asked, on several replicas too."""
        refuse_own_prediction(self.model)
        return PredictionStep(self.model, self.model.distribute_strategy, _as_inputs)

    def _collect(self, step: Callable[[Any], Any], dataset: tf.data.Dataset) -> Any:
        strategy = self.model.distribute_strategy
        iterator = Batches(strategy, as_source(dataset, "arrays")).start(Position())
        return collect(strategy, lambda: step(iterator), int(dataset.cardinality()))

    def evidence(self, test: Predictions) -> Evidence:
        """What was predicted for test images, and the predictions for validation."""
        return Evidence(_labelled(test, self.test), self._of_validation())

    def _of_validation(self) -> Labelled | None:
        source = self.validation
        if not is_labelled(source):
            return None
        outputs = predict(self.model, as_source(source, "validation"))
        return _labelled(as_predictions(source, outputs), source)


def _as_inputs(inputs: Any) -> tuple[Any, None, None]:
    if isinstance(inputs, dict):
        images = tf.cast(inputs[IMAGE], tf.float32)
        return inputs | {IMAGE: images}, None, None
    return tf.cast(inputs, tf.float32), None, None


def _labelled(predictions: Predictions, source: object) -> Labelled:
    known = source.contradictory if isinstance(source, KnowsContradictions) else None
    if not isinstance(source, KnowsColumns):
        return as_labelled(predictions, known)
    return as_labelled(predictions, known, source.groups, source.columns)
