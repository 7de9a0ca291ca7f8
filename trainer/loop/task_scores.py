"""Combines outputs and targets of tasks other than classification."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...core.errors import DataError, message
from ...evaluation.multi_label import best_f1_thresholds
from ...evaluation.multi_label.predictions import LabelPredictions
from ...evaluation.regression import residual_quantiles
from ...evaluation.regression.predictions import NumberPredictions
from ..contracts import KnowsColumns, KnowsTargets
from .outputs import Collected

TaskPredictions: TypeAlias = LabelPredictions | NumberPredictions

COVERAGE = 0.9  # of the intervals around predicted numbers


def task_predictions(
    source: KnowsTargets,
    outputs: Collected,
    validation: tuple[Any, Collected] | None,
) -> TaskPredictions:
    """Combines outputs and targets; validation images set thresholds or interval widths.

    Args:
        source: The test images.
        outputs: The predictions for them, `(images, outputs)`.
        validation: Validation images and the predictions for them, or None.

    Raises:
        DataError: The outputs have the wrong shape or are not finite.
    """
    _require_outputs(source, outputs)
    count = len(source.class_names)
    if source.task == "multi_label":
        thresholds: list[float | None] = [None] * count
        if validation is not None:
            known, predicted = validation
            thresholds = best_f1_thresholds(known.target_values > 0, predicted)
        return LabelPredictions(
            source.names, outputs, source.class_names, thresholds, source.target_values > 0
        )
    widths: list[float | None] = [None] * count
    if validation is not None:
        known, predicted = validation
        widths = residual_quantiles(known.target_values, predicted, COVERAGE)
    return NumberPredictions(
        source.names, outputs, source.class_names, widths, COVERAGE, source.target_values
    )


def groups_of(source: Any) -> npt.NDArray[np.integer] | None:
    """Returns the group number of each image, or None if the data has no groups."""
    return source.groups if isinstance(source, KnowsColumns) else None


def _require_outputs(source: KnowsTargets, outputs: Collected) -> None:
    wanted = (len(source.class_names),)
    shape = np.shape(outputs)
    if shape[1:] != wanted or not np.isfinite(outputs).all():
        raise DataError(
            message(
                f"A model with `task={source.task}` must have one finite output for each "
                f"of {len(source.class_names)} names to be scored.",
                "End the model with a Dense layer of that many outputs.",
                shape=shape,
                is_finite=bool(np.isfinite(outputs).all()),
            )
        )
