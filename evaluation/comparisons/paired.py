"""Compares two models on the same test images: differences of scores with intervals.

Methods: the paired bootstrap, which scores both models on the same draws, so that the
difficulty of images cancels out (Efron and Tibshirani, An Introduction to the Bootstrap,
1993); McNemar's exact test of the images that only one of the two gets right (Psychometrika
12, 1947).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from ..finding import Finding, Table
from ..statistics.intervals import WeightedScores, bootstrap
from ..statistics.ranking import Floats
from ..statistics.resampling import Labels
from .matching import NamedPredictions, in_order_of

Probabilities = npt.NDArray[np.floating]

_EXPLANATION = (
    "Both models are scored on the same draws of the same test images. If the interval of "
    "a difference contains 0, these images do not show which of the two is better. The "
    "intervals do not include the variation between trainings with different seeds."
)
_SHOWN = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "macro_roc_auc": "macro ROC AUC",
}


def compare_paired(first: NamedPredictions, second: NamedPredictions) -> Finding:
    """Compares the predictions of two models for the same test images.

    If groups are known, the bootstrap draws whole groups.

    Args:
        first: The baseline.
        second: Predictions with the same images, labels and classes, in any order.

    Returns:
        A finding with JSON values: `images`; `scores` by name, with those of both, their
        `difference` (second - first) and its 95% `interval`; `mcnemar` with
        `only_first_right`, `only_second_right` and `p_value`; and the same
        `without_contradictory_images` if there are any.

    Raises:
        ConfigError: Images, labels or classes differ; the message lists the differences.

    Example:
        >>> from keraunos.evaluation.predictions import Predictions
        >>> names, labels = ["a.png", "b.png", "c.png"], np.array([0, 1, 1])
        >>> one = Predictions(names, np.eye(2)[[0, 0, 1]], ["cat", "dog"], labels)
        >>> two = Predictions(names, np.eye(2)[[0, 1, 1]], ["cat", "dog"], labels)
        >>> pair = NamedPredictions("one", one), NamedPredictions("two", two)
        >>> finding = compare_paired(*pair)
        >>> finding.values["scores"]["balanced_accuracy"]["difference"]
        0.25
    """
    other = in_order_of(first, second)
    rows = first.predictions.probabilities, other.probabilities
    groups = (
        first.groups
        if first.groups is not None and _has_shared_groups(first.groups)
        else None
    )
    values = _compare(first.labels, *rows, groups)
    values |= {"first": first.name, "second": second.name}
    tables = [_table("All test images", values)]
    contradictory = first.contradictory
    if contradictory is not None and contradictory.any() and not contradictory.all():
        kept = ~contradictory
        parts = first.labels[kept], rows[0][kept], rows[1][kept]
        cleaned = _compare(*parts, None if groups is None else groups[kept])
        values["without_contradictory_images"] = cleaned
        tables.append(_table("Without images that also have another class", cleaned))
    return Finding(
        f"{second.name} against {first.name}",
        _EXPLANATION,
        values=values,
        conclusions=[_conclusion(values), _sentence_on_mcnemar(values)],
        warnings=_warnings(groups),
        tables=tables,
    )


def _has_shared_groups(groups: Labels) -> bool:
    return len(np.unique(groups)) < len(groups)


def _compare(
    labels: Labels, first: Probabilities, second: Probabilities, groups: Labels | None
) -> dict[str, Any]:
    scorers = WeightedScores(labels, first), WeightedScores(labels, second)

    def differences(weights: Floats) -> Mapping[str, Floats]:
        one, other = (score(weights) for score in scorers)
        return {name: other[name] - one[name] for name in one}

    intervals = bootstrap(labels, differences, groups=groups)
    whole = [score(np.ones((1, len(labels)))) for score in scorers]
    scores = {
        name: {
            "first": float(whole[0][name][0]),
            "second": float(whole[1][name][0]),
            "difference": float(whole[1][name][0] - whole[0][name][0]),
            "interval": list(interval),
        }
        for name, interval in intervals.items()
    }
    right = first.argmax(axis=1) == labels, second.argmax(axis=1) == labels
    return {"images": len(labels), "scores": scores, "mcnemar": mcnemar(*right)}


def mcnemar(
    first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """Tests whether one of two models is right more often (McNemar's exact test).

    Args:
        first: `(images,)` bool, whether the first is right.
        second: `(images,)` bool, whether the second is right.

    Returns:
        `only_first_right` and `only_second_right` images, and the two-sided `p_value`.

    Example:
        >>> mcnemar(np.array([True, True, True]), np.array([True, False, False]))
        {'only_first_right': 2, 'only_second_right': 0, 'p_value': 0.5}
    """
    counts = int((first & ~second).sum()), int((second & ~first).sum())
    p_value = float(stats.binomtest(counts[0], sum(counts)).pvalue) if any(counts) else 1.0
    return {
        "only_first_right": counts[0],
        "only_second_right": counts[1],
        "p_value": p_value,
    }


def _conclusion(values: Mapping[str, Any]) -> str:
    score = values["scores"]["balanced_accuracy"]
    low, high = score["interval"]
    what = f"{score['difference']:+z.3f} [{low:+z.3f}, {high:+z.3f}]"
    if low <= 0 <= high:
        verdict = "these images do not show which is better"
    else:
        verdict = f"{values['second' if low > 0 else 'first']} is better"
    return f"Balanced accuracy differs by {what} on {values['images']:,} images: {verdict}."


def _sentence_on_mcnemar(values: Mapping[str, Any]) -> str:
    test = values["mcnemar"]
    return (
        f"{values['first']} alone is right for {test['only_first_right']:,} images, "
        f"{values['second']} alone for {test['only_second_right']:,}: McNemar's exact test "
        f"p = {test['p_value']:.2g}."
    )


def _warnings(groups: Labels | None) -> list[str]:
    if groups is None:
        return []
    count = len(np.unique(groups))
    return [
        f"The {len(groups):,} images form {count:,} groups, such as copies or images of "
        "one patient. Intervals resample whole groups; McNemar's test assumes independent "
        "images."
    ]


def _table(title: str, values: Mapping[str, Any]) -> Table:
    rows = [
        [
            _SHOWN[name],
            f"{score['first']:.3f}",
            f"{score['second']:.3f}",
            "{:+z.3f} [{:+z.3f}, {:+z.3f}]".format(score["difference"], *score["interval"]),
        ]
        for name, score in values["scores"].items()
    ]
    return Table(
        f"{title}: {values['images']:,}", ["score", "first", "second", "difference"], rows
    )
