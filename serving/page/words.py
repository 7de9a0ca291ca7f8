"""Explains the prediction for an image without statistical terms."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ...core.names import printable, some
from ...export.portable.document import ModelDocument

UNSURE = "Can't tell"
_MAX_NAMES = 12


class Verdict(NamedTuple):
    """The answer for an image, or that the model abstains.

    Attributes:
        is_sure: Whether the model gives one class; None if no threshold for abstention was
            measured.
        text: The class, or that the model can't tell.
        why: The reason, in a sentence or two.
    """

    is_sure: bool | None
    text: str
    why: str


def verdict(answer: Mapping[str, Any], document: ModelDocument) -> Verdict:
    """Returns the most probable class if it is the only likely one; otherwise abstains.

    Args:
        answer: Prediction for the image, from `export.portable.answers.describe`.
        document: Document of the model.
    """
    best, likely = answer["class"], answer["prediction_set"]
    if likely is not None and likely != [best]:
        return Verdict(False, UNSURE, _explain_uncertainty(best, likely, document))
    if answer["abstains"]:
        why = (
            f"The most probable class is {printable(best)}, but the model is less sure "
            "than its report requires for an answer."
        )
        return Verdict(False, UNSURE, why)
    if likely is None:
        why = "No threshold for abstention was measured, so the model always answers."
        return Verdict(None, printable(best), why)
    why = f"Only this class is likely enough. {_describe_coverage(document)}"
    return Verdict(True, printable(best), why)


def _explain_uncertainty(best: str, likely: Sequence[str], document: ModelDocument) -> str:
    classes = len(document.classes)
    if not likely:
        return (
            "No class is likely enough. Perhaps the image shows none of them, or is unlike "
            f"the training images. The most probable class is {printable(best)}."
        )
    if len(likely) == 1:
        return (
            f"The most probable class is {printable(best)}, but only "
            f"{printable(likely[0])} is likely enough, because each class has its own "
            f"limit. {_describe_coverage(document)}"
        )
    if len(likely) == classes > 2:
        return f"It may be any of the {classes:,} classes. {_describe_coverage(document)}"
    return f"It may be {_join_with_or(likely)}. {_describe_coverage(document)}"


def _join_with_or(names: Sequence[str]) -> str:
    """Joins names with commas, and "or" before the last.

    Example:
        >>> _join_with_or(["cat", "dog", "emu"])
        'cat, dog or emu'
    """
    if len(names) > _MAX_NAMES:
        return f"one of {some(names, _MAX_NAMES)}"
    *first, last = map(printable, names)
    return f"{', '.join(first)} or {last}"


def _describe_coverage(document: ModelDocument) -> str:
    sets = document.decisions.prediction_sets
    if sets is None:
        return ""
    return (
        f"The true class is likely enough for {sets.coverage:.0%} of images like the "
        "validation images."
    )


def thresholds(
    answer: Mapping[str, Any], document: ModelDocument
) -> Iterator[dict[str, Any]]:
    """Yields operating points and groups: `text`, `detail` and `is_reached`.

    Args:
        answer: Prediction for the image, from `export.portable.answers.describe`.
        document: Document of the model.
    """
    points, groups = answer["operating_points"], answer["groups"]
    for name, point in points.items():
        does = "reaches its threshold" if point["reached"] else "below its threshold"
        yield {
            "text": f"{printable(name)}: {does}",
            "detail": " ".join([*_members(name, document), _numbers(point, document)]),
            "is_reached": point["reached"],
        }
    for name in groups.keys() - points.keys():
        yield {
            "text": f"{printable(name)}: {percent(groups[name])}",
            "detail": " ".join(_members(name, document)),
            "is_reached": None,
        }


def _members(name: str, document: ModelDocument) -> Iterator[str]:
    places = document.decisions.groups.get(name)
    if places is not None:
        names = some((document.classes[place] for place in places), _MAX_NAMES)
        yield f"{names} together."


def _numbers(point: Mapping[str, Any], document: ModelDocument) -> str:
    which = "" if document.correction is None else " before calibration"
    found, wanted = point["uncorrected_probability"], point["threshold"]
    return f"Probability{which} {found:.3g}, threshold {wanted:.3g}."


def percent(probability: float) -> str:
    """Formats a probability as a percentage, never as exactly 0 or 100%.

    Example:
        >>> percent(0.931), percent(0.0004), percent(0.99999), percent(1e-9)
        ('93.1%', '< 0.1%', '> 99.9%', '< 0.1%')
    """
    if probability < 0.001:
        return "< 0.1%"
    return "> 99.9%" if probability > 0.999 else f"{100 * probability:.1f}%"
