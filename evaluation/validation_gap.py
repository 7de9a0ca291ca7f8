"""Tests whether a model is worse on test than on validation images, and for which classes.

Method: two-sample bootstrap with added images, as in statistics/differences.py. The two
scores, and the recalls of the classes, are each corrected by Holm's method.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.names import some
from .evidence import Evidence, Labeled
from .finding import Finding, Table
from .statistics.differences import Difference, difference, holm
from .statistics.intervals import bootstrap_intervals
from .statistics.proportions import share_interval
from .text import with_interval

LEVEL = 0.05
TITLE = "Validation and test"
EXPLANATION = (
    "Scores on validation and test images differ by chance, and the validation score is "
    "slightly too high, because the epoch was chosen by it. A difference exceeds chance if "
    f"its p-value, with Holm's correction, is below {LEVEL:g}: then the images differ, for "
    "example in camera, site or selection, or validation images resemble training images."
)
_SCORES = ("accuracy", "balanced_accuracy")
_MOST_NAMED = 3

Scores = dict[str, Any]
Mask = npt.NDArray[np.bool_]


class ValidationGap:
    """Compares scores on test images with those on validation images.

    Example:
        >>> from keraunos.evaluation.evidence import as_labeled
        >>> from keraunos.evaluation.predictions import Predictions
        >>> labels = np.arange(40, dtype=np.int32) % 2
        >>> names = [f"{n}.png" for n in range(40)]
        >>> right, wrong = np.eye(2)[labels], np.eye(2)[1 - labels]
        >>> validation, test = (
        ...     as_labeled(Predictions(names, each, ["cat", "dog"], labels))
        ...     for each in (right, wrong)
        ... )
        >>> finding = ValidationGap().evaluate(Evidence(test, validation))
        >>> finding.warnings[0][:51]
        'Test accuracy 0.00 is below validation accuracy 1.0'
    """

    def evaluate(self, evidence: Evidence) -> Finding:
        """Compares the splits; without validation or test images, the result is a gap."""
        test, validation = evidence.test, evidence.validation
        if validation is None or not len(validation) or not len(test):
            why = "there are no validation images; data.validation_split holds out some"
            why = why if len(test) else "there are no test images"
            return Finding(TITLE, EXPLANATION, gaps=[f"not measured: because {why}"])
        values = _compare(validation, test)
        return Finding(
            TITLE,
            EXPLANATION,
            values,
            [_sentence(values, name) for name in values["scores"]],
            _warnings(values),
            tables=[_table(values)],
        )


def _compare(validation: Labeled, test: Labeled) -> Scores:
    right = np.concatenate([each.predicted == each.labels for each in (validation, test)])
    labels = np.concatenate([validation.labels, test.labels])
    is_test = np.arange(len(labels)) >= len(validation)
    units = _units(validation, test)
    shared = np.intersect1d(validation.labels, test.labels)
    in_shared = np.isin(labels, shared)

    def compared(rows: Mask, strata: npt.NDArray[np.integer] | None = None) -> Difference:
        parts = None if strata is None else strata[rows]
        return difference(right[rows], is_test[rows], parts, units[rows])

    whole = {"accuracy": compared(np.ones(len(labels), bool))}
    if len(shared) == len(np.unique(labels)):  # otherwise the means have other classes
        whole["balanced_accuracy"] = compared(in_shared, labels)
    recalls = {int(label): compared(labels == label) for label in shared}
    sides = {"validation": validation, "test": test}
    of_splits = {split: _scores(each) for split, each in sides.items()}
    names = test.class_names
    return {
        "images": {split: len(each) for split, each in sides.items()},
        "scores": _with_differences(whole, of_splits),
        "recalls": _with_differences(
            {names[label]: each for label, each in recalls.items()},
            {split: _recalls(each) for split, each in sides.items()},
        ),
    }


def _units(validation: Labeled, test: Labeled) -> npt.NDArray[np.int64]:
    """Returns the units that are drawn, distinct in both splits, `(images,)`."""
    first, second = (
        np.arange(len(each)) if each.groups is None else each.groups
        for each in (validation, test)
    )
    return np.concatenate([first, second + first.max() + 1 - second.min()]).astype(np.int64)


def _scores(split: Labeled) -> Scores:
    right = split.predicted == split.labels
    recalls = [right[split.labels == label].mean() for label in np.unique(split.labels)]
    found = bootstrap_intervals(split.labels, split.probabilities, groups=split.groups)
    return {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(recalls)),
        "intervals": {name: list(found[name]) for name in _SCORES},
    }


def _recalls(split: Labeled) -> Scores:
    found: Scores = {"intervals": {}}
    for label in np.unique(split.labels):
        rows = split.labels == label
        hits = split.predicted[rows] == label
        groups = None if split.groups is None else split.groups[rows]
        name = split.class_names[label]
        found[name] = float(hits.mean())
        found["intervals"][name] = share_interval(hits, groups)
    return found


def _with_differences(
    differences: Mapping[str, Difference], of_splits: Mapping[str, Scores]
) -> dict[str, Scores]:
    """Returns each score in both splits and the difference, with intervals."""
    corrected = holm([each.p_value for each in differences.values()])
    return {
        name: {
            **{split: scores[name] for split, scores in of_splits.items()},
            "difference": each.value,
            "intervals": {
                **{s: scores["intervals"][name] for s, scores in of_splits.items()},
                "difference": [each.low, each.high],
            },
            "p_value": p_value,
        }
        for (name, each), p_value in zip(differences.items(), corrected, strict=True)
    }


def _sentence(values: Scores, name: str) -> str:
    score, images = values["scores"][name], values["images"]
    explained = "more" if score["p_value"] < LEVEL else "no more"
    return (
        f"{name.replace('_', ' ').capitalize()} is {with_interval(score, 'test')} on "
        f"{images['test']:,} test images and {with_interval(score, 'validation')} on "
        f"{images['validation']:,} validation images; the difference is "
        f"{with_interval(score, 'difference')}, {explained} than chance explains."
    )


def _warnings(values: Scores) -> list[str]:
    """Warns about the first score that falls by more than chance, with its classes."""
    for name, score in values["scores"].items():
        if score["p_value"] < LEVEL and score["difference"] < 0:
            title = name.replace("_", " ")
            return [
                f"Test {title} {score['test']:.2f} is below validation {title} "
                f"{score['validation']:.2f} by more than chance explains: test images seem "
                f"to differ from validation images.{_describe_drops(values['recalls'])}"
            ]
    return []


def _describe_drops(recalls: Mapping[str, Scores]) -> str:
    """Describes the classes whose recall falls by more than chance, or the most."""
    order: Sequence[str] = sorted(recalls, key=lambda name: recalls[name]["difference"])
    lower = [name for name in order if recalls[name]["difference"] < 0]
    certain = [name for name in lower if recalls[name]["p_value"] < LEVEL]
    named = [
        f"{name} (from {recalls[name]['validation']:.2f} to {recalls[name]['test']:.2f})"
        for name in certain or lower[:_MOST_NAMED]
    ]
    how = "by more than chance explains" if certain else "most"
    return f" Recall falls {how} for {some(named)}." if named else ""


def _table(values: Scores) -> Table:
    named = {name.replace("_", " "): each for name, each in values["scores"].items()}
    named |= {f"recall of {name}": each for name, each in values["recalls"].items()}
    rows = [
        [
            name,
            *(with_interval(each, column) for column in ("validation", "test")),
            with_interval(each, "difference"),
            f"{each['p_value']:.2g}",
        ]
        for name, each in named.items()
    ]
    header = ["", "validation", "test", "difference", "p-value, corrected"]
    return Table("With 95% intervals", header, rows)
