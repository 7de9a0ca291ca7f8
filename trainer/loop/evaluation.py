"""Evaluates models and computes predictions outside of training."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from ...core.errors import ConfigError, DataError, message
from ...evaluation import Predictions
from ...features import on_features
from ...models import Module
from ...strategies import Position
from ..contracts import (
    BatchSource,
    KnowsColumns,
    KnowsContradictions,
    is_labeled,
    knows_targets,
)
from ..result import TestResult
from ..setup.compiled_model import batch_spec, check_targets
from ..setup.overrides import refuse_own_evaluation, refuse_own_prediction
from ..step.batches import Batches
from ..step.evaluate import EvaluationStep, PredictionStep
from ..step.keras_internals import build_compiled
from .epochs import Validation
from .outputs import Collected, as_predictions, collect, on_host
from .task_scores import groups_of, task_predictions


def evaluate(
    model: keras.Model, source: BatchSource, module: Module, limit: int | None = None
) -> tuple[dict[str, float], Collected | None]:
    """Computes the losses and metrics that a model was compiled with.

    Args:
        model: A compiled model.
        source: The source of batches.
        module: May define its own `training_step`.
        limit: Maximum number of batches, or None.

    Returns:
        Values by name, and the predictions for each example if the data is labeled.

    Raises:
        ConfigError: The model is not compiled, or overrides a method of Keras.
        DataError: There is no batch.
    """
    strategy = model.distribute_strategy
    if not model.compiled:
        raise ConfigError(
            message(
                "A model must be compiled to be evaluated.",
                "Call model.compile with the loss and the metrics.",
                model=model.name,
            )
        )
    refuse_own_evaluation(model, module)
    spec = batch_spec(source)
    check_targets(model, module, spec[1])
    with strategy.scope():
        build_compiled(model, spec)
    step = EvaluationStep(model, module, strategy, source.prepare)
    validation = Validation(step, source, limit)
    if is_labeled(source) or knows_targets(source):
        return validation.epoch_with_predictions()
    return validation.epoch(), None


def predict(
    model: keras.Model,
    source: BatchSource,
    between_calls: Callable[[], None] = lambda: None,
) -> Collected:
    """Computes the predictions for each example, in the order of the data.

    Raises:
        ConfigError: The model overrides a method of Keras.
        DataError: There is no batch.
    """
    refuse_own_prediction(model)
    strategy = model.distribute_strategy
    step = PredictionStep(model, strategy, source.prepare)
    return Batches(strategy, source).read_all(
        lambda batches: collect(
            strategy, lambda: step(batches), source.num_batches, between_calls
        )
    )


def predict_held_out(model: keras.Model, source: BatchSource) -> Collected:
    """Computes predictions like `predict`, from cached features after a fit on such.

    It has those of the validation images, which need not go through the frozen part again.
    """
    refuse_own_prediction(model)
    return predict(*on_features(model, source, predict_batches))


def predict_batches(model: keras.Model, source: Any, start: int) -> Iterator[Collected]:
    """Yields the predictions for each batch of a source, from the batch `start` on.

    The length of the source must be known.
    """
    strategy = model.distribute_strategy
    step = PredictionStep(model, strategy, source.prepare)
    iterator = Batches(strategy, source).start(Position(0, start))
    for _ in range(start, source.num_batches):
        yield on_host(strategy, step(iterator))


def score(
    model: keras.Model,
    source: BatchSource,
    module: Module,
    validation: BatchSource | None = None,
) -> TestResult:
    """Scores a model on test data, as completely as the data allows.

    Args:
        model: The model.
        source: Test data.
        module: May define its own `training_step`.
        validation: Data for choosing thresholds and intervals in tasks other than
            classification, if any.

    Raises:
        ConfigError: There is nothing to measure, because the model is not compiled and the
            data has no labels.
    """
    known: Any = source  # may have labels or targets
    if not (is_labeled(known) or knows_targets(known)):
        return TestResult(evaluate(model, source, module)[0])
    if model.compiled:
        measured, outputs = evaluate(*on_features(model, source, predict_batches), module)
    else:
        measured, outputs = {}, predict(model, source)
    loss = {key: value for key, value in measured.items() if key == "loss"}
    if knows_targets(known):
        chosen_on = None
        if validation is not None:
            chosen_on = validation, predict_held_out(model, validation)
        found = task_predictions(known, outputs, chosen_on)
        return TestResult(loss | found.scores(groups_of(source)), task_predictions=found)
    labeled: Any = source
    predictions = as_predictions(labeled, outputs)
    return TestResult(loss | score_predictions(source, predictions), predictions)


def score_predictions(source: Any, predictions: Predictions) -> dict[str, Any]:
    """Scores a classifier with and, if there are any, without contradictory images.

    An image is contradictory if a copy of it has another label. Confidence intervals
    resample whole groups if the data has groups.

    Raises:
        DataError: The outputs do not match the classes.
    """
    _require_outputs(predictions)
    groups = source.groups if isinstance(source, KnowsColumns) else None
    scores = predictions.scores(groups=groups)
    if not isinstance(source, KnowsContradictions):
        return scores
    contradictory = source.contradictory
    if contradictory.any():
        scores["contradictory_images"] = int(contradictory.sum())
        if not contradictory.all():
            scores["without_contradictory_images"] = predictions.scores(
                ~contradictory, groups
            )
    return scores


def paired_difference(
    source: Any, first: tuple[str, Predictions], second: tuple[str, Predictions]
) -> dict[str, Any]:
    """Compares two models on the same images, with confidence intervals.

    Args:
        source: The images.
        first: Name and predictions of the baseline.
        second: Name and predictions of the model that is compared with the baseline.

    Returns:
        The values of `evaluation.paired.compare_paired`, and its `conclusions`.
    """
    from ...evaluation.comparisons.matching import NamedPredictions
    from ...evaluation.comparisons.paired import compare_paired  # loads Matplotlib

    has_copies = isinstance(source, KnowsContradictions)
    known = NamedPredictions(
        *first,
        contradictory=source.contradictory if has_copies else None,
        groups=source.groups if isinstance(source, KnowsColumns) else None,
    )
    finding = compare_paired(known, NamedPredictions(*second))
    return {**finding.values, "conclusions": list(finding.conclusions)}


def _require_outputs(predictions: Predictions) -> None:
    """Rejects outputs of the wrong shape and outputs that are not finite."""
    shape, classes = predictions.probabilities.shape, len(predictions.class_names)
    if shape[1:] != (classes,):
        raise DataError(
            message(
                f"An image classifier must have one output for each of its {classes} "
                "classes to be scored.",
                "End the model with Dense(num_classes, activation='softmax').",
                shape=shape,
            )
        )
    unusable = int((~np.isfinite(predictions.probabilities)).any(axis=1).sum())
    if unusable:
        raise DataError(
            message(
                "The outputs of a model must be finite to be scored.",
                "Did training diverge? Are these the intended weights?",
                images=shape[0],
                without_finite_outputs=unusable,
            )
        )
