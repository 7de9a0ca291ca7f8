"""Scores slices of the test images, and finds those with worse scores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.counted import counted
from ...core.names import some
from ..evidence import Evidence, Labeled, require_probabilities
from ..finding import Finding, Table
from ..scores import classification_scores
from ..statistics.differences import difference, holm
from ..statistics.proportions import share_interval
from ..text import with_interval
from .figure import slices_figure
from .slicing import Slice, reason_to_skip, require_columns, slices_of

TITLE = "Slices"
EXPLANATION = (
    "A slice contains the test images that share a value of a column of the label table; "
    "columns with many numbers are divided into quartiles. Slices are compared with all "
    "other test images by accuracy, and by recall class by class, which does not depend on "
    "the class frequencies of a slice. A slice is reported as worse if the difference is "
    "significant after Holm's correction for the number of comparisons."
)
_HEADER = (
    "value",
    "images",
    "accuracy",
    "balanced accuracy",
    "macro ROC-AUC",
    "accuracy, difference to others",
    "recall, difference to others",
)
SCORES = ("accuracy", "balanced_accuracy", "macro_roc_auc")
_WORSE = 0.05  # corrected p-values below it are significant
_FEWEST_OF_A_CLASS = 5  # images on each side to compare the recall of a class


@dataclass(frozen=True)
class Slices:
    """Scores a model on slices of the test images, such as by sex, age, site or camera.

    Args:
        columns: Columns of the label table; None uses all with numbers or few values.
        smallest: Minimum number of images of a slice.

    Example:
        >>> from keraunos.evaluation.evidence import as_labeled
        >>> from keraunos.evaluation.predictions import Predictions
        >>> labels = np.arange(40, dtype=np.int32) % 2
        >>> predictions = Predictions([""] * 40, np.eye(2)[labels], "ab", labels)
        >>> columns = {"camera": np.array(["old", "new"] * 10 + ["new"] * 20, object)}
        >>> evidence = Evidence(as_labeled(predictions, columns=columns))
        >>> finding = Slices().evaluate(evidence)
        >>> [each["images"] for each in finding.values["columns"]["camera"]]
        [30, 10]
    """

    columns: Sequence[str] | None = None
    smallest: int = 10

    def evaluate(self, evidence: Evidence) -> Finding:
        """Scores each slice of the test images.

        Raises:
            ConfigError: A column does not exist.
        """
        test = evidence.test
        require_probabilities(test.probabilities)
        chosen, gaps = self._choose(test)
        columns: dict[str, list[dict[str, Any]]] = {}
        for name in chosen:
            kept, reasons = self._large_enough(name, test)
            gaps += reasons
            if kept:
                columns[name] = [_score_slice(test, each) for each in kept]
        comparisons = _correct(columns)
        values = {"columns": columns, "comparisons": comparisons, "images": len(test)}
        scored = [(name, each) for name, found in columns.items() for each in found]
        return Finding(
            TITLE,
            EXPLANATION,
            values,
            list(_conclusions(scored, comparisons)),
            [_warning(name, each) for name, each in scored if each["is_worse"]],
            gaps,
            [_table(name, found) for name, found in columns.items()],
            {"slices": slices_figure(columns, test)} if columns else {},
        )

    def _choose(self, test: Labeled) -> tuple[list[str], list[str]]:
        """Returns the columns to slice by, and the gaps."""
        if self.columns is not None:
            require_columns(self.columns, test.columns)
            return list(self.columns), []
        if not test.columns:
            why = (
                "there are no columns: images come from folders, or their table has no "
                "further columns"
            )
            remedy = "set data.train to a table with further columns, such as sex or site"
            return [], [f"not measured: slices, because {why}; {remedy}"]
        reasons = {name: reason_to_skip(each) for name, each in test.columns.items()}
        return [name for name, reason in reasons.items() if not reason], [
            f"not measured: slices of {name}, because {reason}; "
            "name it in evaluation.slices.columns to score it anyway"
            for name, reason in reasons.items()
            if reason
        ]

    def _large_enough(self, name: str, test: Labeled) -> tuple[list[Slice], list[str]]:
        """Returns the slices to score, and the gaps."""
        slices = slices_of(test.columns[name])
        if len(slices) < 2:
            only = slices[0].name if slices else "no value"
            return [], [f"not measured: slices of {name}, because all images have {only}"]
        small = [each for each in slices if len(each.rows) < self.smallest]
        kept = [each for each in slices if len(each.rows) >= self.smallest]
        if not small:
            return kept, []
        count = counted(len(small), "slice")
        return kept, [
            f"not measured: {count} of {name} with fewer images than "
            f"evaluation.slices.smallest={self.smallest}: "
            f"{some([each.name for each in small], 5)}"
        ]


def _score_slice(test: Labeled, part: Slice) -> dict[str, Any]:
    """Scores a slice, except for the correction that depends on all comparisons."""
    rows = part.rows
    groups = None if test.groups is None else test.groups[rows]
    scores = classification_scores(
        test.labels[rows], test.probabilities[rows], test.class_names, groups
    )
    right = test.predicted == test.labels
    # Not stratified by class: with few images per class, all draws would be equal.
    scores["intervals"]["accuracy"] = share_interval(right[rows], groups)
    if len(np.unique(test.labels[rows])) < 2:
        scores["balanced_accuracy"] = None  # it would equal the accuracy
    return {
        "value": part.value,
        "images": len(rows),
        **{name: scores[name] for name in SCORES},
        "intervals": {n: i for n, i in scores["intervals"].items() if n in SCORES},
        "difference": _differences(test, right, rows),
        "is_worse": False,
    }


def _differences(
    test: Labeled, right: npt.NDArray[np.bool_], rows: npt.NDArray[np.intp]
) -> dict[str, dict[str, Any]]:
    """Returns the differences to all other images in accuracy and in recall."""
    inside = np.zeros(len(test), bool)
    inside[rows] = True
    found = {"accuracy": difference(right, inside, groups=test.groups).as_json()}
    classes = len(test.class_names)
    on_both = [
        np.bincount(test.labels[side], minlength=classes) for side in (inside, ~inside)
    ]
    common = np.flatnonzero(np.min(on_both, axis=0) >= _FEWEST_OF_A_CLASS)
    if len(common) > 1:
        kept = np.isin(test.labels, common)
        groups = None if test.groups is None else test.groups[kept]
        of_recall = difference(right[kept], inside[kept], test.labels[kept], groups)
        found["balanced_accuracy"] = of_recall.as_json() | {"classes": len(common)}
    return found


def _correct(columns: Mapping[str, Sequence[dict[str, Any]]]) -> int:
    """Adds corrected p-values to all differences; returns their number."""
    scored = [each for found in columns.values() for each in found]
    every = [(each, one) for each in scored for one in each["difference"].values()]
    for (each, one), corrected in zip(
        every, holm([one["p_value"] for _, one in every]), strict=True
    ):
        one["corrected_p_value"] = corrected
        each["is_worse"] |= _is_significant(one)
    return len(every)


def _is_significant(one: Mapping[str, Any]) -> bool:
    return bool(one["value"] < 0 and one["corrected_p_value"] < _WORSE)


def _conclusions(
    scored: Sequence[tuple[str, Mapping[str, Any]]], comparisons: int
) -> Iterator[str]:
    if not scored:
        return
    name, lowest = min(scored, key=lambda item: item[1]["accuracy"])
    yield (
        f"Of {len(scored):,} slices, accuracy is lowest where {_describe(name, lowest)}: "
        f"{with_interval(lowest, 'accuracy')} on {lowest['images']:,} images."
    )
    below = sum(
        one["interval"][1] < 0 and not _is_significant(one)
        for _, each in scored
        for one in each["difference"].values()
    )
    by_chance = f"{comparisons:,} comparisons were made. "
    if below:
        by_chance += (
            f"In addition to those reported as worse, {below} have an interval below 0; "
            "without any true difference, this happens for about one in 40 by chance."
        )
    yield by_chance.strip()


def _warning(column: str, each: Mapping[str, Any]) -> str:
    name, worst = next(
        item for item in each["difference"].items() if _is_significant(item[1])
    )
    what = "accuracy" if name == "accuracy" else "recall, class by class,"
    return (
        f"The model is worse where {_describe(column, each)} ({each['images']:,} images): "
        f"{what} differs from that of all other images by {_format_difference(worst)}."
    )


def _describe(column: str, each: Mapping[str, Any]) -> str:
    value = each["value"]
    return f"{column} has no value" if value is None else f"{column} is {value}"


def _table(column: str, found: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        [
            ("no value" if each["value"] is None else each["value"])
            + " (worse)" * each["is_worse"],
            each["images"],
            *(with_interval(each, name) for name in SCORES),
            *(_format_difference(each["difference"].get(name)) for name in SCORES[:2]),
        ]
        for each in found
    ]
    return Table(f"By {column}, with 95% intervals", _HEADER, rows)


def _format_difference(one: Mapping[str, Any] | None) -> str | None:
    if one is None:
        return None
    low, high = one["interval"]
    return f"{one['value']:+.2f} [{low:+.2f}, {high:+.2f}]"
