"""Test-time augmentation: averages predictions over views of each image."""

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from ...core.errors import ConfigError, message
from ...evaluation import Predictions
from ...evaluation.evidence import require_probabilities
from ...models import Module
from ...strategies import Position
from ..contracts import BatchSource, GivesViews, HasSettings
from ..result import TestResult
from ..step.batches import Batches
from ..step.evaluate import PredictionStep
from ..step.losses import overrides_training_step
from .evaluation import paired_difference, predict_held_out, score_predictions
from .outputs import Collected, collect
from .task_scores import TaskPredictions, groups_of, task_predictions


@dataclass(frozen=True)
class Views:
    """The views to average over.

    Attributes:
        source: Yields view n of each image in epoch n, starting with epoch 1.
        count: Number of views, including the original image.
    """

    source: BatchSource
    count: int


def find_views(source: Any, module: Module | None, tta: int | None) -> Views | None:
    """Returns the views requested by `Trainer.test(tta=...)`, or None if `tta` is None.

    Raises:
        ConfigError: `tta` is not a positive integer, the data has no views, or the module
            defines a `training_step`.
    """
    if tta is None:
        return None
    if not isinstance(tta, int) or isinstance(tta, bool) or tta < 1:
        raise ConfigError(
            message("`tta` must be a number of views, 1 or more.", "Try tta=8.", tta=tta)
        )
    if module is not None and overrides_training_step(module):
        raise ConfigError(
            message(
                "Test-time augmentation averages the outputs of the model, not those of "
                "`training_step`.",
                "Test without `tta`, or without `module`.",
                module=type(module).__name__,
            )
        )
    if not isinstance(source, GivesViews):
        raise ConfigError(
            message(
                "Test-time augmentation needs ImageData, or one of its splits.",
                "Test without `tta`.",
                data=type(source).__name__,
            )
        )
    return Views(source.test_time_views(), tta)


def with_views(
    result: TestResult,
    model: keras.Model,
    source: Any,
    views: Views,
    validation: BatchSource | None = None,
) -> TestResult:
    """Adds the result of test-time augmentation to a result.

    Args:
        result: The result of the plain predictions.
        model: The model that computed them.
        source: The test images.
        views: The views of the test images.
        validation: Validation images, whose averaged predictions set the thresholds and
            intervals of tasks other than classification, or None.

    Raises:
        DataError: The outputs of a classifier are not probabilities.
    """
    if result.task_predictions is not None:
        found = _task_result(result.task_predictions, model, source, views, validation)
    elif result.predictions is not None:
        found = _classification_result(result.predictions, model, source, views)
    else:
        raise ValueError("Test-time augmentation needs the plain predictions.")
    made = views.source.settings() if isinstance(views.source, HasSettings) else {}
    scores = {"views": views.count, **made, **found.scores}
    tta = replace(found, scores=scores)
    return replace(result, scores={**result.scores, "tta": scores}, tta=tta)


def _classification_result(
    plain: Predictions, model: keras.Model, source: Any, views: Views
) -> TestResult:
    require_probabilities(plain.probabilities)
    mean = replace(plain, probabilities=average_views(model, plain.probabilities, views))
    names = "single model", f"mean of {views.count} views"
    compared = zip(names, (plain, mean), strict=True)
    scores = score_predictions(source, mean)
    scores["against_single_model"] = paired_difference(source, *compared)
    return TestResult(scores, mean)


def _task_result(
    plain: TaskPredictions,
    model: keras.Model,
    source: Any,
    views: Views,
    validation: Any,
) -> TestResult:
    """Averages predictions, with thresholds chosen on averages over validation images."""
    chosen_on = None
    of_validation = _make_views(validation, views.count)
    if of_validation is not None:
        outputs = average_views(model, predict_held_out(model, validation), of_validation)
        chosen_on = validation, outputs
    mean = task_predictions(source, average_views(model, plain.outputs, views), chosen_on)
    return TestResult(mean.scores(groups_of(source)), task_predictions=mean)


def _make_views(source: Any, count: int) -> Views | None:
    return (
        Views(source.test_time_views(), count) if isinstance(source, GivesViews) else None
    )


def average_views(model: keras.Model, plain: Collected, views: Views) -> Collected:
    """Averages the plain outputs and the outputs for all other views.

    Args:
        model: The model.
        plain: The outputs for the original images, `(images, outputs)`.
        views: The views, including the original images.

    Returns:
        The mean, `(images, outputs)` float32.
    """
    if views.count == 1:
        return plain
    strategy = model.distribute_strategy
    step = PredictionStep(model, strategy, views.source.prepare)
    iterator = Batches(strategy, views.source).start(Position(1))
    total = np.asarray(plain).astype(np.float64)
    for _ in range(1, views.count):
        total += collect(strategy, lambda: step(iterator), views.source.num_batches)
    return (total / views.count).astype(np.float32)
