"""Describes missed images of classes that must not be missed."""

from collections.abc import Sequence
from typing import Any

from ...core.errors import ConfigError, message
from ...core.names import did_you_mean, some
from ...evaluation.evidence import Labeled
from ...evaluation.finding import Table
from .examples import MOST_EXAMPLES, MOST_MISSED, Examples

_COLUMNS = (
    "file",
    "true class",
    "predicted",
    "probability of the predicted class",
    "probability of the true class",
)


def places_of(names: Sequence[str], class_names: Sequence[str]) -> list[int]:
    """Returns the positions of the classes that must not be missed.

    Raises:
        ConfigError: A name is not a class.
    """
    for name in names:
        if name not in class_names:
            guess = did_you_mean(name, class_names) or f"There are {some(class_names)}."
            words = "`evaluation.must_not_miss` must name classes."
            raise ConfigError(message(words, guess, must_not_miss=name))
    return [list(class_names).index(name) for name in names]


def missed_words(test: Labeled, examples: Examples) -> list[str]:
    """Describes the number of missed images of each class with images."""
    counts = {label: int((test.labels == label).sum()) for label in examples.missed}
    return [
        f"{test.class_names[label]}: {len(rows):,} of {counts[label]:,} images were missed."
        for label, rows in examples.missed.items()
        if counts[label]
    ]


def missed_values(test: Labeled, examples: Examples) -> dict[str, Any]:
    """Returns all missed files by class as JSON values; empty without such classes."""
    by_class = {
        str(test.class_names[label]): [str(test.names[row]) for row in rows.tolist()]
        for label, rows in examples.missed.items()
    }
    return {"missed": by_class} if by_class else {}


def gaps_of(test: Labeled, examples: Examples) -> list[str]:
    """Returns gaps: classes without images, and images beyond the limits of a report."""
    gaps = [
        f"not measured: missed images of {test.class_names[label]}, because there are no "
        "test images of that class"
        for label in examples.missed
        if not (test.labels == label).any()
    ]
    missed = sum(map(len, examples.missed.values()))
    if missed > MOST_MISSED:
        gaps.append(
            f"not measured: maps of {missed - MOST_MISSED:,} of the {missed:,} missed "
            f"images, because a report shows {MOST_MISSED}; evaluation.json lists all"
        )
    if examples.wanted > examples.taken:
        gaps.append(
            f"not measured: maps of {examples.wanted - examples.taken:,} of the "
            f"{examples.wanted:,} examples, because a report shows {MOST_EXAMPLES}; use a "
            "smaller evaluation.grad_cam.examples_per_class to include each class"
        )
    return gaps


def missed_tables(test: Labeled, examples: Examples) -> list[Table]:
    """Returns a table of all missed images, if there are any."""
    predicted = test.predicted
    rows = [
        (
            str(test.names[row]),
            test.class_names[label],
            test.class_names[predicted[row]],
            float(test.probabilities[row].max()),
            float(test.probabilities[row, label]),
        )
        for label, missed in examples.missed.items()
        for row in missed.tolist()
    ]
    title = "Missed images of classes that must not be missed"
    return [Table(title, _COLUMNS, rows)] if rows else []
