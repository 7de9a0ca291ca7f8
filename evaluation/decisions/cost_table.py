"""Tables of the costs of decisions by true class."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ...core.names import some
from .class_groups import unknown

CostTable = Mapping[str, Mapping[str, float]]


def decisions_of(class_names: Sequence[str], costs: CostTable) -> list[str]:
    """Returns all decisions: the classes, then further actions in table order."""
    named = dict.fromkeys(name for row in costs.values() for name in row)
    return [*class_names, *(name for name in named if name not in class_names)]


def cost_matrix(class_names: Sequence[str], costs: CostTable) -> npt.NDArray[np.float64]:
    """Returns the cost of each decision, `(classes, decisions)`; see `cost_problems`.

    Example:
        >>> costs = {"cat": {"dog": 1.0, "ask": 0.5}, "dog": {"cat": 3.0, "ask": 0.5}}
        >>> cost_matrix(["cat", "dog"], costs).tolist()
        [[0.0, 1.0, 0.5], [3.0, 0.0, 0.5]]
    """
    decisions = decisions_of(class_names, costs)
    return np.array(
        [[costs[true].get(name, 0.0) for name in decisions] for true in class_names],
        np.float64,
    )


def cost_problems(class_names: Sequence[str], costs: CostTable) -> list[str]:
    """Returns the problems with a table of costs.

    Every class needs a cost for every other decision; the cost of the right one is 0 by
    default.

    Example:
        >>> cost_problems(["cat", "dog"], {"cat": {"dog": 1.0, "ask": 0.5}})
        ['costs: dog is missing']
        >>> cost_problems(["cat", "dog"], {"cat": {"ask": 0.5}, "dog": {"cat": 1.0}})
        ['costs.cat: dog is missing', 'costs.dog: ask is missing']
    """
    problems = [
        f"costs: {unknown(name, class_names)}" for name in costs if name not in class_names
    ]
    problems += [f"costs: {name} is missing" for name in class_names if name not in costs]
    decisions = decisions_of(class_names, costs)
    for true, row in costs.items():
        missing = [name for name in decisions if name not in row and name != true]
        if missing and true in class_names:
            problems.append(f"costs.{true}: {some(missing)} is missing")
    return problems
