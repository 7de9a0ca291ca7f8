"""Test-time augmentation: means over views of images, beside the plain prediction."""

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from ...core.errors import ConfigError, message
from ...evaluation import Predictions
from ...evaluation.evidence import require_probabilities
from ...models import Module
from ...strategies import Position
from ..contracts import BatchSource, GivesViews, HasSettings, knows_targets
from ..result import TestResult
from ..step.batches import Batches
from ..step.evaluate import PredictionStep
from ..step.losses import overrides_training_step
from .evaluation import paired_difference, score_predictions
from .outputs import collect


@dataclass(frozen=True)
class Views:
    """What is averaged over.

    Attributes:
        source: Epoch n, from 1 on, is view n of each image.
        count: How many views, the image as it is among them.
    """

    source: BatchSource
    count: int


def find_views(source: Any, module: Module | None, tta: int | None) -> Views | None:
    """The views of images that `Trainer.test(tta=...)` asks for; None if it does not.

    Raises:
        ConfigError: It is no number of views, or the data have no views.
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
                "Test-time augmentation needs what the model itself puts out, and not the "
                "predictions of a training_step.",
                "Test without `tta`, or without `module`.",
                module=type(module).__name__,
            )
        )
    if knows_targets(source):
        raise ConfigError(
            message(
                "Test-time augmentation averages the probabilities of classes.",
                "Test without `tta`.",
                task=source.task,
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
    result: TestResult, model: keras.Model, source: Any, views: Views
) -> TestResult:
    """A result with that of the means over views beside it.

    Raises:
        DataError: The outputs of the model are no probabilities.
    """
    plain = result.predictions
    if plain is None:
        raise ValueError("Views need the plain predictions.")
    require_probabilities(plain.probabilities)
    mean = average_views(model, plain, views)
    made = views.source.settings() if isinstance(views.source, HasSettings) else {}
    scores = {"views": views.count, **made, **score_predictions(source, mean)}
    names = "single model", f"mean of {views.count} views"
    compared = zip(names, (plain, mean), strict=True)
    scores["against_single_model"] = paired_difference(source, *compared)
    return replace(
        result, scores={**result.scores, "tta": scores}, tta=TestResult(scores, mean)
    )


def average_views(model: keras.Model, plain: Predictions, views: Views) -> Predictions:
    """The mean of the probabilities over the plain prediction and all further views.

    Args:
        model: The model.
        plain: View 0: what it predicts for the images as they are.
        views: All of them.
    """
    if views.count == 1:
        return plain
    strategy = model.distribute_strategy
    step = PredictionStep(model, strategy, views.source.prepare)
    iterator = Batches(strategy, views.source).start(Position(1))
    total = plain.probabilities.astype(np.float64)
    for _ in range(1, views.count):
        total += collect(strategy, lambda: step(iterator), views.source.num_batches)
    return replace(plain, probabilities=(total / views.count).astype(np.float32))
