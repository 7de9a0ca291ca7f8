"""Evaluates the calibration of probabilities, before and after correction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...core.errors import DataError
from ...core.names import some
from ..evidence import Evidence, Labeled, require_probabilities
from ..finding import Finding, Table
from ..statistics.intervals import accuracy_interval, bootstrap
from ..text import with_interval
from .errors import (
    Floats,
    calibration_measures,
    classwise_error,
    confidence_bins,
    expected_by_chance,
)
from .figure import reliability_figure
from .scaling import Correction, fit_correction

TITLE = "Calibration"
EXPLANATION = (
    "If a calibrated model is 80% confident, it is right for 80% of the images. The "
    "expected calibration error (ECE) is the mean deviation from that over bins of "
    "confidence, the maximum (MCE) that of the worst bin; lower is better, as for Brier "
    "score and negative log likelihood (NLL). The MCE has no interval, because the maximum "
    "over bins grows in almost every bootstrap sample. A correction is fitted on "
    "validation images alone and measured on test images; it does not change the written "
    "predictions."
)
# Names and titles of the measures, in the order of the table.
MEASURES = {
    "ece": "ECE, bins of equal width",
    "mce": "MCE, bins of equal width",
    "ece_equal_mass": "ECE, bins of equal mass",
    "mce_equal_mass": "MCE, bins of equal mass",
    "brier": "Brier score",
    "nll": "NLL",
    "accuracy": "accuracy",
}
_IMAGES_PER_NUMBER = 10  # with fewer, the fit is reported as uncertain


@dataclass(frozen=True)
class Calibration:
    """Measures the calibration of probabilities, and corrects it.

    Args:
        bins: Number of bins of the calibration errors.
        scaling: Kind of correction: `"temperature"`, `"vector"` or `"none"`.

    Example:
        >>> from keraunos.evaluation.evidence import as_labeled
        >>> from keraunos.evaluation.predictions import Predictions
        >>> probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]], np.float32)
        >>> labels = np.array([0, 1, 1], np.int32)
        >>> test = as_labeled(Predictions("abc", probabilities, ["no", "yes"], labels))
        >>> finding = Calibration(bins=10).evaluate(Evidence(test))
        >>> round(finding.values["before"]["ece"], 3)
        0.2
        >>> finding.gaps[0][:27]
        'not measured: corrected pro'
    """

    bins: int = 15
    scaling: Literal["temperature", "vector", "none"] = "temperature"

    def evaluate(self, evidence: Evidence) -> Finding:
        """Measures on test images, with a correction fitted on validation images."""
        test = evidence.test
        require_probabilities(test.probabilities)
        if not len(test):
            return Finding(TITLE, EXPLANATION, gaps=["not measured: there are no images"])
        correction, gaps = self._fit(evidence.validation)
        values = self._values(test, correction)
        curves = {"as predicted": values["before"]["bins"]}
        if correction is not None and evidence.validation is not None:
            curves["corrected"] = values["after"]["bins"]
            values["correction"] = correction.as_json() | {
                "classes": list(test.class_names),
                "fitted_on": {"split": "validation", "images": len(evidence.validation)},
            }
        return Finding(
            TITLE,
            EXPLANATION,
            values,
            _conclusions(values),
            _warnings(values),
            [*gaps, *_untested_class_gaps(test)],
            [_table(values)],
            {"reliability": reliability_figure(curves)},
        )

    def _fit(self, validation: Labeled | None) -> tuple[Correction | None, list[str]]:
        """Fits the correction; returns it, or None and the reason."""
        if self.scaling == "none":
            return None, []
        if validation is None or not len(validation):
            why = (
                "there are no validation images to fit them on (see data.validation_split)"
            )
            return None, [f"not measured: corrected probabilities, because {why}"]
        try:
            return fit_correction(
                self.scaling,
                validation.labels,
                validation.probabilities,
                validation.class_names,
            ), []
        except DataError as error:
            return None, [f"not measured: corrected probabilities. {error}"]

    def _values(self, test: Labeled, correction: Correction | None) -> dict[str, Any]:
        versions: dict[str, Any] = {"before": test.probabilities}
        if correction is not None:
            versions["after"] = correction.apply(test.probabilities)
        measures = {
            name: calibration_measures(test.labels, probabilities, self.bins)
            for name, probabilities in versions.items()
        }

        def statistics(weights: Floats) -> dict[str, Floats]:
            found = {name: measure(weights) for name, measure in measures.items()}
            if "after" in found:
                before, after = found["before"], found["after"]
                found["difference"] = {key: after[key] - before[key] for key in before}
            return {f"{n} {key}": v for n, each in found.items() for key, v in each.items()}

        values: dict[str, Any] = {"images": len(test), "correction": None}
        intervals = bootstrap(test.labels, statistics, groups=test.groups)
        for name, value in statistics(np.ones((1, len(test)))).items():
            version, key = name.split()
            group = values.setdefault(version, {"intervals": {}})
            group[key] = float(value[0])
            if not key.startswith("mce"):
                group["intervals"][key] = list(intervals[name])
        for name, probabilities in versions.items():
            right = probabilities.argmax(axis=1) == test.labels  # as the scores have it
            ends = accuracy_interval(test.labels, right, groups=test.groups)
            values[name]["intervals"]["accuracy"] = list(ends)
            values[name] |= _other_measures(test, probabilities, self.bins)
        return values


def _other_measures(test: Labeled, probabilities: Any, bins: int) -> dict[str, Any]:
    """Returns the measures without intervals."""
    return {
        "mean_confidence": float(probabilities.max(axis=1).mean(dtype=np.float64)),
        "classwise_ece": classwise_error(test.labels, probabilities, bins),
        "ece_by_chance": expected_by_chance(probabilities, bins),
        "bins": confidence_bins(test.labels, probabilities, bins).rows(),
    }


def _untested_class_gaps(test: Labeled) -> list[str]:
    counts = np.bincount(test.labels, minlength=len(test.class_names))
    names = [name for name, n in zip(test.class_names, counts, strict=True) if not n]
    why = "there are no test images of them; the mean over classes excludes them"
    return [f"not measured: calibration of {some(names)}, because {why}"] * bool(names)


def _conclusions(values: Mapping[str, Any]) -> list[str]:
    before = values["before"]
    surplus = before["mean_confidence"] - before["accuracy"]
    word = "overconfident" if surplus > 0 else "underconfident"
    chance = before["ece_by_chance"]["mean"]
    found = [
        f"On average, the model is {before['mean_confidence']:.1%} confident and right for "
        f"{before['accuracy']:.1%} of {values['images']:,} images: {word} by "
        f"{100 * abs(surplus):.1f} percentage points. Its ECE is "
        f"{with_interval(before, 'ece', 3)}; that of a "
        f"perfectly calibrated model would be {chance:.3f} on as many images."
    ]
    if values["correction"] is not None:
        after = values["after"]
        found.append(
            f"{_describe_correction(values['correction'])}, fitted on "
            f"{values['correction']['fitted_on']['images']:,} validation images, changes "
            f"the ECE to {with_interval(after, 'ece', 3)}, and the NLL from "
            f"{before['nll']:.3f} to {after['nll']:.3f}."
        )
    return found


def _describe_correction(correction: Mapping[str, Any]) -> str:
    if correction["kind"] == "temperature":
        return f"A temperature of {correction['temperature']:.3g}"
    return "Vector scaling"


def _warnings(values: Mapping[str, Any]) -> list[str]:
    correction = values["correction"]
    if correction is None:
        return []
    found = []
    images, classes = correction["fitted_on"]["images"], len(correction["classes"])
    fitted = 1 if correction["kind"] == "temperature" else 2 * classes
    if images < _IMAGES_PER_NUMBER * fitted:
        found.append(
            f"The correction has {fitted} fitted parameters, but there are only {images} "
            "validation images."
        )
    low, high = values["difference"]["intervals"]["nll"]
    if low > 0:
        found.append(
            f"The correction makes the probabilities of test images worse: NLL rises by "
            f"[{low:z.3f}, {high:z.3f}]. Do validation and test images come from the same "
            "distribution?"
        )
    return found


def _table(values: Mapping[str, Any]) -> Table:
    versions = [name for name in ("before", "after", "difference") if name in values]
    titles = {"before": "as predicted", "after": "corrected", "difference": "difference"}
    rows: list[list[str | None]] = [
        [title, *(with_interval(values[name], key, 3) for name in versions)]
        for key, title in MEASURES.items()
    ]
    per_class = [f"{values[n]['classwise_ece']:.3f}" for n in versions if n != "difference"]
    rows.append(["ECE, mean over classes", *per_class, *[None] * ("after" in values)])
    return Table("With 95% intervals", ["", *(titles[name] for name in versions)], rows)
