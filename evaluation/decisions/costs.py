"""Evaluates decisions with the lowest expected cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.errors import DataError
from ...core.names import printable, some
from ..calibration.scaling import fit_correction
from ..evidence import Evidence, Labeled
from ..finding import Finding, Table
from ..statistics.intervals import bootstrap
from ..statistics.ranking import Floats
from ..text import with_interval
from .check_names import require_names
from .cost_table import CostTable, cost_matrix, decisions_of

MOST_SHOWN = 50  # classes for which the table of decisions is shown

_EXPLANATION = (
    "Each decision has a cost for each true class. For each image, the decision with the "
    "lowest expected cost is taken: by the probabilities of the model, and by calibrated "
    "ones, with a temperature fitted on validation. An overconfident model takes too much "
    "risk. The cost of always deciding for the most probable class is shown for "
    "comparison. All costs are valid for the class frequencies of the test set."
)
_POLICIES = {
    "expected_cost": "lowest expected cost",
    "expected_cost_calibrated": "lowest expected cost by calibrated probabilities",
    "most_probable": "most probable class",
}


class Costs:
    """Costs of decisions on test images.

    Args:
        costs: Costs by true class and decision: a class, or a further action such as
            `refer`. Every class needs a cost for every decision except the right one,
            which costs 0 by default.

    Example:
        >>> from keraunos.evaluation.evidence import as_labeled
        >>> from keraunos.evaluation.predictions import Predictions
        >>> outputs = np.array([[0.8, 0.2], [0.9, 0.1], [0.2, 0.8]])
        >>> labels = np.array([0, 1, 1])
        >>> test = as_labeled(Predictions(["a", "b", "c"], outputs, ["nv", "mel"], labels))
        >>> costs = {"nv": {"mel": 1, "refer": 0.5}, "mel": {"nv": 10, "refer": 0.5}}
        >>> policies = Costs(costs).evaluate(Evidence(test)).values["policies"]
        >>> [round(each["mean_cost"], 2) for each in policies.values()]
        [0.33, 3.33]
    """

    def __init__(self, costs: CostTable) -> None:
        self.costs = costs

    def evaluate(self, evidence: Evidence) -> Finding:
        """Decides for each test image, and measures the mean costs.

        Raises:
            ConfigError: The table is incomplete; all problems are listed.
        """
        test, class_names = evidence.test, evidence.class_names
        require_names(class_names, groups={}, costs=self.costs)
        matrix = cost_matrix(class_names, self.costs)
        calibrated, gaps = _calibrated(evidence)
        decided = {"expected_cost": lowest_expected_cost(test.probabilities, matrix)}
        if calibrated is not None:
            decided["expected_cost_calibrated"] = lowest_expected_cost(calibrated, matrix)
        decided["most_probable"] = test.predicted
        policies = _policies(test, matrix, decided)
        decisions = decisions_of(class_names, self.costs)
        tables = [_costs_table(policies)]
        if len(class_names) <= MOST_SHOWN:
            tables.append(_decisions_table(class_names, decisions, policies))
        return Finding(
            "Costs of decisions",
            _EXPLANATION,
            values={"decisions": decisions, "policies": policies},
            conclusions=[_conclusion(name, policies) for name in decided][:-1],
            gaps=[*gaps, *_classes_left_out(class_names, test)],
            tables=tables,
        )


def _calibrated(evidence: Evidence) -> tuple[npt.NDArray[np.float64] | None, list[str]]:
    """Returns test probabilities with a temperature fitted on validation, or the gaps."""
    validation = evidence.validation
    what = "not measured: decisions by calibrated probabilities, because"
    if validation is None or not len(validation):
        return None, [
            f"{what} the run has no validation images (see data.validation_split)."
        ]
    try:
        correction = fit_correction(
            "temperature",
            validation.labels,
            validation.probabilities,
            validation.class_names,
        )
    except DataError as error:
        return None, [
            f"{what} the validation images do not determine a temperature. {error}"
        ]
    return correction.apply(evidence.test.probabilities), []


def lowest_expected_cost(
    probabilities: npt.NDArray[np.floating], matrix: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Returns the decision with the lowest expected cost, the first of ties, `(images,)`.

    Args:
        probabilities: `(images, classes)`.
        matrix: `(classes, decisions)` costs.

    Example:
        >>> lowest_expected_cost(np.array([[0.9, 0.1]]), np.array([[0.0, 1], [20, 0]]))
        array([1])
    """
    return (probabilities.astype(np.float64) @ matrix).argmin(axis=1)


def _policies(
    test: Labeled,
    matrix: npt.NDArray[np.float64],
    decided: Mapping[str, npt.NDArray[np.int64]],
) -> dict[str, Any]:
    """Returns the mean cost of each policy, and its saving over the most probable class."""
    costs = {name: matrix[test.labels, taken] for name, taken in decided.items()}
    saved = {name: costs["most_probable"] - each for name, each in costs.items()}

    def means(weights: Floats) -> Mapping[str, Floats]:
        total = weights.sum(axis=1)
        spent = {
            f"mean_cost:{name}": weights @ each / total for name, each in costs.items()
        }
        left = {f"saved:{name}": weights @ each / total for name, each in saved.items()}
        return spent | left

    ends = bootstrap(test.labels, means, groups=test.groups)
    return {
        name: {
            "mean_cost": float(costs[name].mean()),
            "saved": float(saved[name].mean()),
            "intervals": {
                value: list(ends[f"{value}:{name}"]) for value in ("mean_cost", "saved")
            },
            "counts": _counts(test.labels, taken, matrix.shape),
        }
        for name, taken in decided.items()
    }


def _counts(
    labels: npt.NDArray[np.integer], taken: npt.NDArray[np.int64], shape: tuple[int, ...]
) -> list[list[int]]:
    counts = np.zeros(shape, np.int64)
    np.add.at(counts, (labels, taken), 1)
    return counts.tolist()


def _conclusion(name: str, policies: Mapping[str, Any]) -> str:
    policy, plain = policies[name], policies["most_probable"]
    return (
        f"Deciding for the {_POLICIES[name]} costs {with_interval(policy, 'mean_cost')} "
        "per image on test; always deciding for the most probable class costs "
        f"{with_interval(plain, 'mean_cost')}: {with_interval(policy, 'saved')} saved."
    )


def _classes_left_out(class_names: Sequence[str], test: Labeled) -> list[str]:
    present = set(test.labels.tolist())
    missing = [name for place, name in enumerate(class_names) if place not in present]
    if not missing:
        return []
    return [
        f"not measured: costs for {some(missing)}, because the test set has no images of "
        "it; add some."
    ]


def _costs_table(policies: Mapping[str, Any]) -> Table:
    rows = [
        [_POLICIES[name], with_interval(each, "mean_cost"), with_interval(each, "saved")]
        for name, each in policies.items()
    ]
    return Table("Mean cost per image", ["decision for", "cost", "saved"], rows)


def _decisions_table(
    class_names: Sequence[str], decisions: Sequence[str], policies: Mapping[str, Any]
) -> Table:
    """Returns the decisions of the last policy before the most probable class."""
    name = list(policies)[-2]
    rows = [
        [printable(true), *row]
        for true, row in zip(class_names, policies[name]["counts"], strict=True)
    ]
    header = ["true class", *map(printable, decisions)]
    return Table(f"Number of decisions for the {_POLICIES[name]}", header, rows)
