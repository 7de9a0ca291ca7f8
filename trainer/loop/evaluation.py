"""Runs a model over data without training it."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from ...core.errors import ConfigError, DataError, message
from ...evaluation import Predictions
from ...models import Module
from ...strategies import Position
from ..contracts import (
    BatchSource,
    KnowsColumns,
    KnowsContradictions,
    is_labelled,
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
    """Measures the losses and metrics that a model was compiled with.

    Args:
        model: Compiled.
        source: Where batches come from.
        module: May define its own `training_step`.
        limit: Batches at most, or None.

    Returns:
        Values by name, and what the model said of each example if those are labeled.

    Raises:
        ConfigError: The model is not compiled, or overrides what would be called.
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
    if is_labelled(source) or knows_targets(source):
        return validation.epoch_with_predictions()
    return validation.epoch(), None


def predict(
    model: keras.Model,
    source: BatchSource,
    between_calls: Callable[[], None] = lambda: None,
) -> Collected:
    """What a model says of each example, in the order of the data.

    Raises:
        ConfigError: The model overrides what Keras would call.
        DataError: There is no batch.
    """
    refuse_own_prediction(model)
    strategy = model.distribute_strategy
    step = PredictionStep(model, strategy, source.prepare)
    iterator = Batches(strategy, source).start(Position())
    return collect(strategy, lambda: step(iterator), source.num_batches, between_calls)


def predict_batches(model: keras.Model, source: Any, start: int) -> Iterator[Collected]:
    """What a model says of each batch of a source that knows its length, from one on."""
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
    """Measures a model on test data as fully as the data allows.

    Args:
        model: Is measured.
        source: Test data.
        module: May define its own `training_step`.
        validation: On what thresholds and intervals of other tasks than classification
            are chosen, if there is something.

    Raises:
        ConfigError: There is nothing to measure: the model is not compiled, and the
            data have no class names.
    """
    known: Any = source  # what the data knows of their examples
    if not (is_labelled(known) or knows_targets(known)):
        return TestResult(evaluate(model, source, module)[0])
    if model.compiled:
        measured, outputs = evaluate(model, source, module)
    else:
        measured, outputs = {}, predict(model, source)
    loss = {key: value for key, value in measured.items() if key == "loss"}
    if knows_targets(known):
        chosen_on = None if validation is None else (validation, predict(model, validation))
        found = task_predictions(known, outputs, chosen_on)
        return TestResult(loss | found.scores(groups_of(source)), task_predictions=found)
    labelled: Any = source
    predictions = as_predictions(labelled, outputs)
    return TestResult(loss | score_predictions(source, predictions), predictions)


def score_predictions(source: Any, predictions: Predictions) -> dict[str, Any]:
    """All scores of a classifier; once more without contradictory images, if any.

    An image is contradictory if a copy of it is filed under another class. Intervals draw
    whole groups where the data knows of groups.

    Raises:
        DataError: There is not an output for each class.
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
    """How much better the second of two models is on the same images, with intervals.

    Args:
        source: The images of the first.
        first: Name and predictions of the model that the other is measured against.
        second: Name and predictions of the other.

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
    """A model with one output, say, or with NaN, is not scored as a classifier."""
    shape, classes = predictions.probabilities.shape, len(predictions.class_names)
    if shape[1:] != (classes,):
        raise DataError(
            message(
                f"A classifier of images is scored by one output for each of its {classes} "
                "classes.",
                "End the model with Dense(num_classes, activation='softmax').",
                shape=shape,
            )
        )
    unusable = int((~np.isfinite(predictions.probabilities)).any(axis=1).sum())
    if unusable:
        raise DataError(
            message(
                "The outputs of a model must be finite numbers to be scored.",
                "Did training diverge? Are these the intended weights?",
                images=shape[0],
                without_finite_outputs=unusable,
            )
        )
