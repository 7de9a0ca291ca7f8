"""Measures what a model loses in 8-bit integers, and rejects too large a loss."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.errors import ConfigError, message
from ...evaluation.comparisons.matching import NamedPredictions
from ...evaluation.comparisons.paired import compare_paired
from ...evaluation.predictions import Predictions
from ...evaluation.statistics.intervals import bootstrap_intervals

MAX_LOSS = 0.02  # of balanced accuracy

Floats = npt.NDArray[np.floating]
_ROUNDING = 1e-9  # of a difference of two means
_SCORES = ("accuracy", "balanced_accuracy")


@dataclass(frozen=True)
class QuantizedPredictions:
    """Labeled images, with probabilities before and after quantization.

    Attributes:
        split: Name of the split.
        names: Names of the images.
        classes: Names of the classes, in the order of the columns.
        labels: `(images,)` true classes.
        float32: `(images, classes)` probabilities of the original model.
        int8: `(images, classes)` probabilities of the export.
        groups: `(images,)` numbers shared by images of one group, such as a patient; None
            if there are none.
    """

    split: str
    names: list[str]
    classes: tuple[str, ...]
    labels: npt.NDArray[np.int32]
    float32: Floats
    int8: Floats
    groups: npt.NDArray[np.integer] | None = None


def require_loss(max_loss: float) -> None:
    """Checks a maximum loss of balanced accuracy.

    Raises:
        ConfigError: It is not from 0 to 1.
    """
    if not 0 <= max_loss <= 1:
        raise ConfigError(
            message("`max_loss` must be from 0 to 1.", "Try 0.02.", max_loss=max_loss)
        )


def judge(judged: QuantizedPredictions, max_loss: float = MAX_LOSS) -> dict[str, Any]:
    """Compares both models on the same images.

    The measured loss decides, not its interval, which on a hundred images is wider than
    any acceptable loss, however good the export is. If the interval includes a loss above
    the maximum, there is a warning.

    Args:
        judged: The predictions to compare.
        max_loss: Maximum loss of balanced accuracy, from 0 to 1.

    Returns:
        JSON values: `scores`, with `float32`, `int8` and `loss` by name of the score, each
        with its 95% interval (that of the loss is paired); `agreement`, the rate of equal
        classes; and `warnings`.

    Raises:
        ConfigError: The loss of balanced accuracy is larger, or outputs of the export are
            not finite.
    """
    if not np.isfinite(judged.int8).all():
        raise ConfigError(
            message(
                "The outputs of an int8 export must be finite; nothing was written.",
                "Another --format may work.",
                split=judged.split,
            )
        )
    scores = _scores(judged)
    loss = scores["balanced_accuracy"]["loss"]
    agreement = float((judged.float32.argmax(1) == judged.int8.argmax(1)).mean())
    if loss["value"] > max_loss + _ROUNDING:
        raise ConfigError(
            message(
                f"An int8 export may lose at most {max_loss:g} of balanced accuracy on the "
                f"{len(judged.labels):,} {judged.split} images; nothing was written.",
                "Accept more with --max-loss, try another --format, or leave --int8 out.",
                loss=round(loss["value"], 4),
                interval=[round(each, 4) for each in loss["interval"]],
                agreement=round(agreement, 4),
            )
        )
    return {
        "split": judged.split,
        "images": len(judged.labels),
        "max_loss": max_loss,
        "scores": scores,
        "agreement": agreement,
        "warnings": list(_warnings(loss, max_loss, len(judged.labels))),
    }


def _scores(judged: QuantizedPredictions) -> dict[str, dict[str, Any]]:
    sides = {"float32": judged.float32, "int8": judged.int8}
    predictions = [
        NamedPredictions(
            name,
            Predictions(
                judged.names, rows.astype(np.float32), judged.classes, judged.labels
            ),
            groups=judged.groups,
        )
        for name, rows in sides.items()
    ]
    differences = compare_paired(*predictions).values["scores"]
    intervals = [
        bootstrap_intervals(judged.labels, rows, groups=judged.groups)
        for rows in sides.values()
    ]
    return {
        name: {
            "float32": _with_interval(differences[name]["first"], intervals[0][name]),
            "int8": _with_interval(differences[name]["second"], intervals[1][name]),
            "loss": _loss(differences[name]),
        }
        for name in _SCORES
    }


def _with_interval(value: float, interval: tuple[float, float]) -> dict[str, Any]:
    return {"value": value, "interval": list(interval)}


def _loss(score: Mapping[str, Any]) -> dict[str, Any]:
    """Negates a difference, so that a loss is positive."""
    low, high = score["interval"]
    return _with_interval(0.0 - score["difference"], (0.0 - high, 0.0 - low))


def _warnings(loss: Mapping[str, Any], max_loss: float, images: int) -> list[str]:
    high = loss["interval"][1]
    if high <= max_loss:
        return []
    return [
        f"{images:,} images can't rule out that int8 loses {high:.3f} of balanced "
        f"accuracy, which is more than {max_loss:g}."
    ]
