"""What a model loses in 8-bit integers, and whether that is too much."""

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
_ROUNDING = 1e-9  # a difference of two means
_SCORES = ("accuracy", "balanced_accuracy")


@dataclass(frozen=True)
class Judged:
    """Labeled images, and what the model says of them before and after.

    Attributes:
        split: What the images are called.
        names: Of the images.
        classes: In the order of the columns.
        labels: `(images,)` true classes.
        float32: `(images, classes)` probabilities of the model as it is.
        int8: The same of the export.
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
    """Checks that a loss is one of balanced accuracy.

    Raises:
        ConfigError: It is not from 0 to 1.
    """
    if not 0 <= max_loss <= 1:
        raise ConfigError(
            message("`max_loss` must be from 0 to 1.", "Try 0.02.", max_loss=max_loss)
        )


def judge(judged: Judged, max_loss: float = MAX_LOSS) -> dict[str, Any]:
    """Compares both on the same images.

    The loss that is measured decides, not its interval: on a hundred images that is wider
    than any loss that would be accepted, however good the export is. What the images can't
    rule out is a warning.

    Args:
        judged: What to compare.
        max_loss: Of balanced accuracy, from 0 to 1.

    Returns:
        Ready for JSON: `scores`, by name those of `float32` and `int8` with their 95 %
        intervals, and the `loss` with that of the difference, on the same draws;
        `agreement` of the classes; `warnings`.

    Raises:
        ConfigError: The loss of balanced accuracy is larger, or the export does not answer
            with numbers.
    """
    if not np.isfinite(judged.int8).all():
        raise ConfigError(
            message(
                "An int8 export must answer with finite numbers; nothing was written.",
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
                f"Integers may cost at most {max_loss:g} of the balanced accuracy on the "
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


def _scores(judged: Judged) -> dict[str, dict[str, Any]]:
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
    """A difference turned round: what is lost is positive."""
    low, high = score["interval"]
    return _with_interval(0.0 - score["difference"], (0.0 - high, 0.0 - low))


def _warnings(loss: Mapping[str, Any], max_loss: float, images: int) -> list[str]:
    high = loss["interval"][1]
    if high <= max_loss:
        return []
    return [
        f"{images:,} images can't rule out that integers cost {high:.3f} of the balanced "
        f"accuracy, which is more than {max_loss:g}."
    ]
