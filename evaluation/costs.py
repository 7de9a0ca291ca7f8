"""Decisions by cost: what is expected to cost least, not what is most probable."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.names import printable, some
from .check_names import require_names
from .cost_table import CostTable, cost_matrix, decisions_of
from .evidence import Evidence, Labelled
from .finding import Finding, Table
from .intervals import bootstrap
from .ranking import Floats
from .text import with_interval

MOST_SHOWN = 50  # classes in the table of decisions

_EXPLANATION = (
    "Each decision has a cost for each true class. For each image the decision of the "
    "lowest expected cost is taken, by the predicted probabilities as they are, without a "
    "correction of calibration: a model that is too sure of itself decides too boldly. "
    "Beside it stands the cost of always deciding for the most probable class. Both hold "
    "for the mix of classes in the test set."
)


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
        >>> values = Costs(costs).evaluate(Evidence(test)).values
        >>> round(values["mean_cost"], 2), round(values["most_probable"]["mean_cost"], 2)
        (0.33, 3.33)
    """

    def __init__(self, costs: CostTable) -> None:
        self.costs = costs

    def evaluate(self, evidence: Evidence) -> Finding:
        """Decides for each test image, and adds the costs up.

        Raises:
            ConfigError: The table is not complete; the message names all that is missing.
        """
        class_names, test = evidence.class_names, evidence.test
        require_names(class_names, groups={}, costs=self.costs)
        matrix = cost_matrix(class_names, self.costs)
        decided = lowest_expected_cost(test.probabilities, matrix)
        values = _values(test, matrix, decided)
        names = decisions_of(class_names, self.costs)
        counts = np.zeros(matrix.shape, np.int64)
        np.add.at(counts, (test.labels, decided), 1)
        values |= {"decisions": names, "counts": counts.tolist(), "calibrated": False}
        return Finding(
            "Costs of decisions",
            _EXPLANATION,
            values=values,
            conclusions=[_conclusion(values)],
            gaps=_classes_left_out(class_names, counts),
            tables=[_costs_table(values), *_decisions_tables(class_names, names, counts)],
        )


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


def _values(
    test: Labelled,
    matrix: npt.NDArray[np.float64],
    decided: npt.NDArray[np.int64],
) -> dict[str, Any]:
    cost, plain = matrix[test.labels, decided], matrix[test.labels, test.predicted]

    def means(weights: Floats) -> Mapping[str, Floats]:
        total = weights.sum(axis=1)
        both = {
            "mean_cost": weights @ cost / total,
            "most_probable": weights @ plain / total,
        }
        return both | {"saved": both["most_probable"] - both["mean_cost"]}

    ends = bootstrap(test.labels, means, groups=test.groups)
    intervals = {name: list(each) for name, each in ends.items()}
    return {
        "images": len(test),
        "mean_cost": float(cost.mean()),
        "saved": float((plain - cost).mean()),
        "intervals": {name: intervals[name] for name in ("mean_cost", "saved")},
        "most_probable": {
            "mean_cost": float(plain.mean()),
            "intervals": {"mean_cost": intervals["most_probable"]},
        },
    }


def _conclusion(values: Mapping[str, Any]) -> str:
    return (
        f"Deciding for the lowest expected cost costs {with_interval(values, 'mean_cost')} "
        "an image on test, always deciding for the most probable class "
        f"{with_interval(values['most_probable'], 'mean_cost')}: "
        f"{with_interval(values, 'saved')} saved."
    )


def _classes_left_out(
    class_names: Sequence[str], counts: npt.NDArray[np.int64]
) -> list[str]:
    missing = [name for name, row in zip(class_names, counts, strict=True) if not row.any()]
    if not missing:
        return []
    return [
        f"not measured: what {some(missing)} would cost, because the test set has no image "
        "of it; add some."
    ]


def _costs_table(values: Mapping[str, Any]) -> Table:
    rows = [
        ["lowest expected cost", with_interval(values, "mean_cost")],
        ["most probable class", with_interval(values["most_probable"], "mean_cost")],
        ["saved by the former", with_interval(values, "saved")],
    ]
    return Table("Mean cost of an image", ["decision", "cost"], rows)


def _decisions_tables(
    class_names: Sequence[str], decisions: list[str], counts: npt.NDArray[np.int64]
) -> list[Table]:
    if len(class_names) > MOST_SHOWN:
        return []  # they are in the values
    rows = [
        [printable(name), *row]
        for name, row in zip(class_names, counts.tolist(), strict=True)
    ]
    header = ["true class", *map(printable, decisions)]
    return [Table("Decisions by true class, in images", header, rows)]
