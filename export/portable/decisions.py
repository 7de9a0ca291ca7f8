"""What is made of the probabilities of a model: thresholds, sets of classes, warnings.

All thresholds were chosen on uncorrected probabilities.
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
        places: Its classes, as places in the model's outputs.
        threshold: Their summed probability reaches it, or not.
    """

    places: tuple[int, ...]
    threshold: float


@dataclass(frozen=True)
class PredictionSets:
    """From which probability on a class belongs to the prediction set of an image.

    Attributes:
        coverage: How often the sets hold the right class.
        thresholds: Of each class; None if any probability is enough.
    """

    coverage: float
    thresholds: tuple[float | None, ...]


@dataclass(frozen=True)
class Decisions:
    """What is made of probabilities.

    Attributes:
        prediction_sets: None if none were fitted.
        operating_points: By the name of the class or group.
        groups: The places of their classes, by name.
        abstention_threshold: The model answers where the probability of the most probable
            class reaches it; None if none was chosen.
        warnings: Of the run's report.
    """

    prediction_sets: PredictionSets | None = None
    operating_points: Mapping[str, Threshold] = field(default_factory=dict)
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    abstention_threshold: float | None = None
    warnings: tuple[str, ...] = ()


def decisions_of(fields: Fields, classes: Sequence[str]) -> Decisions:
    """Reads the section `decisions` of `model.json`, which may be empty.

    Raises:
        ModelFileError: Something in it is wrong.
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
    """Which classes are likely enough for an image: places, the likeliest first.

    Args:
        uncorrected: `(classes,)` probabilities.
        sets: The thresholds.
    """
    order = np.argsort(-uncorrected, kind="stable").tolist()
    least = [-1.0 if each is None else each for each in sets.thresholds]
    return [place for place in order if uncorrected[place] >= least[place]]


def total(probabilities: Floats, places: Sequence[int]) -> float:
    """The probability of a group of classes, rounded as where its threshold was chosen."""
    return float(np.float32(probabilities[list(places)].sum(dtype=np.float64)))
