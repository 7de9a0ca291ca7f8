"""Summarizes the scores of whole searches on images that had no part in them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.special import stdtrit

from ..evaluation import summarize_folds


@dataclass(frozen=True)
class OuterScores:
    """Test scores of searches that each left out one part of the images.

    Method: nested cross-validation (Varma and Simon, BMC Bioinformatics 7, 2006, article
    91). The interval takes into account that the searches share most of their images
    (Nadeau and Bengio, Machine Learning 52, 2003, pages 239-281): the variance of the mean
    of K parts is `(1 / K + 1 / (K - 1))` times that of the scores, with K - 1 degrees of
    freedom. The standard error is the plain one, `1 / sqrt(K)` times their deviation.

    Attributes:
        scores: Scores on each part, as in test.json.
        objective: The metric that the searches optimized.

    Example:
        >>> outer = OuterScores([{"accuracy": 0.7}, {"accuracy": 0.8}], "val_accuracy")
        >>> outer.lines()[0]
        'outer folds: accuracy 0.7500, standard error 0.0500 over 2 parts of the images'
    """

    scores: Sequence[Mapping[str, Any]]
    objective: str

    def as_json(self) -> dict[str, Any]:
        """Returns mean, standard error, interval and values per score, and `parts`."""
        summary = summarize_folds(self.scores)
        found: dict[str, Any] = {"parts": len(self.scores)}
        for name, each in summary.items():
            if isinstance(each, dict) and len(each["values"]) == len(self.scores):
                found[name] = _with_interval(each)
        return found

    def lines(self) -> list[str]:
        """Returns lines on the objective, or on all scores if it was not tested."""
        found = self.as_json()
        wanted = self.objective.removeprefix("val_")
        names = [wanted] if wanted in found else [n for n in found if n != "parts"]
        return [line for name in names for line in self._lines(name, found[name])]

    def _lines(self, name: str, values: Mapping[str, Any]) -> list[str]:
        parts = f"{len(self.scores)} parts of the images"
        error = f"standard error {values['standard_error']:.4f} over {parts}"
        low, high = values["interval"]
        return [
            f"outer folds: {name} {values['mean']:.4f}, {error}",
            "95% interval of the whole procedure on unseen images: "
            f"{low:.4f} to {high:.4f}",
        ]


def _with_interval(summary: Mapping[str, Any]) -> dict[str, Any]:
    count, mean = len(summary["values"]), summary["mean"]
    deviation = summary["standard_deviation"]
    half = stdtrit(count - 1, 0.975) * deviation * math.sqrt(1 / count + 1 / (count - 1))
    return {
        "mean": mean,
        "standard_error": deviation / math.sqrt(count),
        "interval": [float(mean - half), float(mean + half)],
        "values": list(summary["values"]),
    }
