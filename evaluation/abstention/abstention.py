"""Evaluates prediction sets and abstention for uncertain predictions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..evidence import Evidence, Labeled, require_probabilities
from ..finding import Finding
from ..statistics.intervals import accuracy_interval, bootstrap
from ..statistics.proportions import wilson_interval
from .conformal import (
    EVERY_CLASS,
    Floats,
    fewest_images,
    fit_thresholds,
    least_covered,
    prediction_sets,
)
from .figures import risk_coverage_figure, set_sizes_figure
from .risk_coverage import SelectiveRisk
from .sentences import conclusions_of, gaps_of, tables_of, warnings_of

Values = dict[str, Any]

TITLE = "Abstention"
EXPLANATION = (
    "A prediction set contains every class whose probability reaches a threshold chosen on "
    "validation images (split conformal prediction): for images drawn like those, it "
    "contains the true class at the requested rate, whatever the model. The less sure a "
    "model is, the larger its sets; an empty one means that no class is likely enough, and "
    "counts as a miss. The risk-coverage curve shows how often single answers are wrong if "
    "only the most confident are given; the area under it (AURC) is lower for a model that "
    "knows when it is wrong. Neither promises anything for images of another kind than the "
    "validation images."
)
SHARES_KEPT = (0.5, 0.8, 0.9, 1.0)
MOST_POINTS = 200  # per curve
_CHANCE = 0.025  # probability that a warning is a false alarm


@dataclass(frozen=True)
class Abstention:
    """Measures prediction sets, and the accuracy gained if the model may abstain.

    Args:
        coverage: Fraction of sets that must contain the true class, above 0 and below 1.
        by_class: Whether the coverage must hold for the images of each class separately.
        risk: Highest fraction of wrong answers if the model may abstain.

    Example:
        >>> from keraunos.evaluation.evidence import as_labeled
        >>> from keraunos.evaluation.predictions import Predictions
        >>> labels = np.arange(40, dtype=np.int32) % 2
        >>> outputs = np.where(np.eye(2)[labels] > 0, 0.75, 0.25)
        >>> names = [f"{n}.png" for n in range(40)]
        >>> split = as_labeled(Predictions(names, outputs, ["cat", "dog"], labels))
        >>> finding = Abstention(coverage=0.9).evaluate(Evidence(split, validation=split))
        >>> finding.values["sets"]["coverage"], finding.values["sets"]["mean_size"]
        (1.0, 1.0)
    """

    coverage: float = 0.9
    by_class: bool = False
    risk: float = 0.05

    def evaluate(self, evidence: Evidence) -> Finding:
        """Measures on test images, with thresholds chosen on validation images."""
        test, validation = evidence.test, evidence.validation
        require_probabilities(test.probabilities)
        if not len(test):
            return Finding(TITLE, EXPLANATION, gaps=["not measured: there are no images"])
        values: Values = {"images": len(test), "risk_coverage": _risk_coverage(test)}
        measured = values["risk_coverage"]
        figures = {
            "risk_coverage": risk_coverage_figure(measured["curve"], measured["kept"])
        }
        if validation is not None and len(validation):
            values["sets"] = self._sets(test, validation)
            values["answers"] = self._answers(test, validation)
            sizes = {int(size): n for size, n in values["sets"]["sizes"].items()}
            figures["set_sizes"] = set_sizes_figure(sizes)
        return Finding(
            TITLE,
            EXPLANATION,
            values,
            conclusions_of(values),
            warnings_of(values),
            gaps_of(values),
            tables_of(values),
            figures,
        )

    def _sets(self, test: Labeled, validation: Labeled) -> Values:
        thresholds = fit_thresholds(
            validation.labels, validation.probabilities, self.coverage, self.by_class
        )
        sets = prediction_sets(test.probabilities, thresholds)
        holds, sizes = sets[np.arange(len(test)), test.labels], sets.sum(axis=1)
        counts = np.bincount(validation.labels, minlength=len(thresholds)).tolist()
        return {
            "wanted_coverage": self.coverage,
            "by_class": self.by_class,
            "fewest_validation_images": fewest_images(self.coverage),
            "validation_images": len(validation),
            **_coverage_of(holds, sizes),
            "least": None
            if self.by_class
            else self._least_coverage(len(test), len(validation), 1),
            "single": float((sizes == 1).mean()),
            "single_accuracy": _mean(holds[sizes == 1]),
            "empty": float((sizes == 0).mean()),
            "sizes": {str(k): int(n) for k, n in enumerate(np.bincount(sizes)) if n},
            "per_class": {
                name: {
                    **_coverage_of(holds[test.labels == k], sizes[test.labels == k]),
                    "threshold": _as_json(thresholds[k]),
                    "validation_images": counts[k],
                    "least": self._least_coverage(
                        int((test.labels == k).sum()), counts[k], len(counts)
                    )
                    if self.by_class
                    else None,
                }
                for k, name in enumerate(test.class_names)
            },
        }

    def _least_coverage(
        self, test_images: int, validation_images: int, comparisons: int
    ) -> int:
        return least_covered(
            test_images, validation_images, self.coverage, _CHANCE / comparisons
        )

    def _answers(self, test: Labeled, validation: Labeled) -> Values:
        """Chooses the confidence threshold for the wanted risk, and measures it on test."""
        chosen = SelectiveRisk(validation.labels, validation.probabilities).curve()
        place = chosen.place_of_risk(self.risk)
        if place is None:
            return {"wanted_risk": self.risk, "threshold": None}
        threshold = float(chosen.thresholds[place])
        kept, wrong = SelectiveRisk(test.labels, test.probabilities).curve().at(threshold)
        return {
            "wanted_risk": self.risk,
            "threshold": threshold,
            "kept": kept / len(test),
            "answers": kept,
            "wrong": wrong,
            "risk": wrong / kept if kept else None,
            "intervals": {"risk": wilson_interval(wrong, kept)},
        }


def _coverage_of(holds: npt.NDArray[np.bool_], sizes: npt.NDArray[np.integer]) -> Values:
    covered = int(holds.sum())
    return {
        "images": len(holds),
        "covered": covered,
        "coverage": _mean(holds),
        "intervals": {"coverage": wilson_interval(covered, len(holds))},
        "mean_size": _mean(sizes),
    }


def _mean(numbers: npt.NDArray[Any]) -> float | None:
    return float(numbers.mean()) if len(numbers) else None


def _as_json(threshold: float) -> float | None:
    return None if threshold == EVERY_CLASS else float(threshold)


def _accuracy_interval(test: Labeled, threshold: float) -> list[float]:
    """Returns the interval of the accuracy on images that reach a threshold."""
    kept = test.probabilities.max(axis=1).astype(np.float64) >= threshold
    right = test.predicted[kept] == test.labels[kept]
    groups = None if test.groups is None else test.groups[kept]
    return list(accuracy_interval(test.labels[kept], right, groups=groups))


def _risk_coverage(test: Labeled) -> Values:
    ranked = SelectiveRisk(test.labels, test.probabilities)

    def statistics(weights: Floats) -> dict[str, Floats]:
        return {"aurc": ranked.areas(weights)}

    whole = ranked.curve()
    thin = whole.thinned(MOST_POINTS)
    rows = []
    for share in SHARES_KEPT:
        place = whole.place_of_share(share)
        kept, wrong = int(whole.kept[place]), int(whole.wrong[place])
        threshold = float(whole.thresholds[place])
        rows.append(
            {
                "wanted": share,
                "kept": kept / len(test),
                "threshold": threshold,
                "accuracy": 1 - wrong / kept,
                "intervals": {"accuracy": _accuracy_interval(test, threshold)},
            }
        )
    intervals = bootstrap(test.labels, statistics, groups=test.groups)
    return {
        "aurc": float(ranked.areas(np.ones((1, len(test))))[0]),
        "intervals": {name: list(ends) for name, ends in intervals.items()},
        "kept": rows,
        "curve": {
            "coverage": (thin.kept / len(test)).tolist(),
            "risk": (thin.wrong / thin.kept).tolist(),
        },
    }
