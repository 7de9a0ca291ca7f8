"""Decisions by cost: what is expected to cost least, not what is most probable."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.errors import DataError
from ...core.names import printable, some
from ..calibration.scaling import fit_correction
from ..evidence import Evidence, Labelled
from ..finding import Finding, Table
from ..statistics.intervals import bootstrap
from ..statistics.ranking import Floats
from ..text import with_interval
from .check_names import require_names
from .cost_table import CostTable, cost_matrix, decisions_of

MOST_SHOWN = 50  # classes in the table of decisions

_EXPLANATION = (
    "Each decision has a cost for each true class. For each image the decision of the "
    "lowest expected cost is taken: by the probabilities as the model gives them, and by "
    "calibrated ones, with a temperature fitted on validation. An overconfident model "
    "takes too much risk. For comparison, the cost of always deciding for the most "
    "probable class. All hold for the mix of classes in the test set."
)
_POLICIES = {
    "expected_cost": "lowest expected cost",
    "expected_cost_calibrated": "lowest expected cost by calibrated probabilities",
    "most_probable": "most probable class",
}


class Costs:
    """Costs of decisions on test images.

    Args:
        costs: By true class, then by decision: a class, or a further action such as
            `refer`. Every class needs the cost of every decision but the right one,
            which is 0 by default.

    Example:
        >>> from keraunos.evaluation.evidence import as_labelled
        >>> from keraunos.evaluation.predictions import Predictions
        >>> outputs = np.array([[0.8, 0.2], [0.9, 0.1], [0.2, 0.8]])
        >>> labels = np.array([0, 1, 1])
        >>> test = as_labelled(Predictions(["a", "b", "c"], outputs, ["nv", "mel"], labels))
        >>> costs = {"nv": {"mel": 1, "refer": 0.5}, "mel": {"nv": 10, "refer": 0.5}}
        >>> policies = Costs(costs).evaluate(Evidence(test)).values["policies"]
        >>> [round(each["mean_cost"], 2) for each in policies.values()]
        [0.33, 3.33]
    """

    def __init__(self, costs: CostTable) -> None:
        self.costs = costs

    def evaluate(self, evidence: Evidence) -> Finding:
        """Decides for each test image, and adds the costs up.

        Raises:
            ConfigError: The table is not complete; the message names all that is missing.
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
    """Test probabilities with a temperature fitted on validation, or why there are none."""
    validation = evidence.validation
    what = "not measured: decisions by calibrated probabilities, because"
    if validation is None or not len(validation):
        return None, [
            f"{what} the run has no validation images; set data.validation_split."
        ]
    try:
        correction = fit_correction(
            "temperature",
            validation.labels,
            validation.probabilities,
            validation.class_names,
        )
    except DataError as error:
        return None, [f"{what} the validation images determine no temperature. {error}"]
    return correction.apply(evidence.test.probabilities), []


def lowest_expected_cost(
    probabilities: npt.NDArray[np.floating], matrix: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """`(images,)`: the decision of the lowest expected cost; of equal ones the first.

    Args:
        probabilities: `(images, classes)`.
        matrix: `(classes, decisions)` costs.

    Example:
        >>> lowest_expected_cost(np.array([[0.9, 0.1]]), np.array([[0.0, 1], [20, 0]]))
        array([1])
    """
    return (probabilities.astype(np.float64) @ matrix).argmin(axis=1)


def _policies(
    test: Labelled,
    matrix: npt.NDArray[np.float64],
    decided: Mapping[str, npt.NDArray[np.int64]],
) -> dict[str, Any]:
    """Mean cost of each policy, and what it saves against the most probable class."""
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
        f"Deciding for the {_POLICIES[name]} costs {with_interval(policy, 'mean_cost')} an "
        "image on test, always deciding for the most probable class "
        f"{with_interval(plain, 'mean_cost')}: {with_interval(policy, 'saved')} saved."
    )


def _classes_left_out(class_names: Sequence[str], test: Labelled) -> list[str]:
    present = set(test.labels.tolist())
    missing = [name for place, name in enumerate(class_names) if place not in present]
    if not missing:
        return []
    return [
        f"not measured: what {some(missing)} would cost, because the test set has no image "
        "of it; add some."
    ]


def _costs_table(policies: Mapping[str, Any]) -> Table:
    rows = [
        [_POLICIES[name], with_interval(each, "mean_cost"), with_interval(each, "saved")]
        for name, each in policies.items()
    ]
    return Table("Mean cost of an image", ["decision for", "cost", "saved"], rows)


def _decisions_table(
    class_names: Sequence[str], decisions: Sequence[str], policies: Mapping[str, Any]
) -> Table:
    """The decisions of the last policy before the most probable class."""
    name = list(policies)[-2]
    rows = [
        [printable(true), *row]
        for true, row in zip(class_names, policies[name]["counts"], strict=True)
    ]
    header = ["true class", *map(printable, decisions)]
    return Table(f"Decisions for the {_POLICIES[name]}, in images", header, rows)
