"""Decisions based on the probabilities of a model: thresholds, prediction sets, warnings.

All thresholds apply to uncalibrated probabilities.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .fields import Fields

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Threshold:
    """An operating point of a class, or of a group of classes.

    Attributes:
        places: Indices of its classes in the model's outputs.
        threshold: Threshold of their summed probability.
    """

    places: tuple[int, ...]
    threshold: float


@dataclass(frozen=True)
class PredictionSets:
    """The thresholds of prediction sets.

    Attributes:
        coverage: Share of images whose set contains the correct class.
        thresholds: Minimum probability of each class; None for any probability.
    """

    coverage: float
    thresholds: tuple[float | None, ...]


@dataclass(frozen=True)
class Decisions:
    """All decisions of a model.

    Attributes:
        prediction_sets: Thresholds of prediction sets, or None.
        operating_points: Operating points by class or group.
        groups: Indices of the classes of each group, by name.
        abstention_threshold: Minimum probability of the most probable class for a
            prediction, or None.
        warnings: Warnings of the run's report.
    """

    prediction_sets: PredictionSets | None = None
    operating_points: Mapping[str, Threshold] = field(default_factory=dict)
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    abstention_threshold: float | None = None
    warnings: tuple[str, ...] = ()


def decisions_of(fields: Fields, classes: Sequence[str]) -> Decisions:
    """Reads the section `decisions` of `model.json`, which may be empty.

    Raises:
        ModelFileError: A value is missing or wrong.
    """
    if not list(fields):
        return Decisions()
    places = {name: place for place, name in enumerate(classes)}

    def places_of(of: Fields, name: str) -> tuple[int, ...]:
        return tuple(places[each] for each in of.names(name, classes))

    abstention = fields.optional("abstention")
    points = fields.objects("operating_points")
    groups = fields.object("groups")
    return Decisions(
        _sets(fields.optional("prediction_sets"), classes),
        {
            name: Threshold(places_of(each, "classes"), each.number("threshold"))
            for name, each in points.items()
        },
        {name: places_of(groups, name) for name in groups},
        None if abstention is None else abstention.number("threshold"),
        fields.texts("warnings"),
    )


def _sets(fields: Fields | None, classes: Sequence[str]) -> PredictionSets | None:
    if fields is None:
        return None
    thresholds = fields.object("thresholds")
    return PredictionSets(
        fields.number("coverage"),
        tuple(thresholds.optional_number(name) for name in classes),
    )


def prediction_set(uncorrected: Floats, sets: PredictionSets) -> list[int]:
    """Returns the indices of an image's prediction set, most probable first.

    Args:
        uncorrected: Uncalibrated probabilities, `(classes,)`.
        sets: The thresholds.
    """
    order = np.argsort(-uncorrected, kind="stable").tolist()
    least = [-1.0 if each is None else each for each in sets.thresholds]
    return [place for place in order if uncorrected[place] >= least[place]]


def total(probabilities: Floats, places: Sequence[int]) -> float:
    """Sums the probabilities of classes, rounded as when their threshold was chosen."""
    return float(np.float32(probabilities[list(places)].sum(dtype=np.float64)))
