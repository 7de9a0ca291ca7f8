"""Checks that the settings of an evaluation name classes of the data."""

from collections.abc import Iterable, Mapping, Sequence

from ...configs import EvaluationConfig
from ...core.errors import ConfigError, message
from ...core.names import did_you_mean
from .class_groups import group_problems, unknown
from .cost_table import CostTable, cost_problems


def require_class_names(evaluation: EvaluationConfig, class_names: Sequence[str]) -> None:
    """Checks a configuration before training, as soon as the classes are known.

    Raises:
        ConfigError: A name is not a class; the message lists all problems.

    Example:
        >>> require_class_names(EvaluationConfig(must_not_miss=["cat"]), ["cat", "dog"])
    """
    require_names(
        class_names,
        evaluation.groups,
        evaluation.operating_points or {},
        evaluation.costs,
        evaluation.must_not_miss,
    )


def require_names(
    class_names: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    targets: Iterable[str] = (),
    costs: CostTable | None = None,
    must_not_miss: Sequence[str] = (),
) -> None:
    """Checks the settings of single parts of an evaluation.

    Args:
        class_names: The classes.
        groups: Classes by name of the group.
        targets: Names of classes or groups.
        costs: Costs by true class and decision.
        must_not_miss: Names of classes.

    Raises:
        ConfigError: A name is not a class; the message lists all problems.
    """
    known = [*class_names, *groups]
    problems = group_problems(class_names, groups)
    problems += [
        f"operating_points: {name} is neither a class nor a group. "
        f"{did_you_mean(name, known)}".strip()
        for name in targets
        if name not in known
    ]
    problems += [] if costs is None else cost_problems(class_names, costs)
    problems += [
        f"must_not_miss: {unknown(name, class_names)}"
        for name in must_not_miss
        if name not in class_names
    ]
    if problems:
        expected = "`evaluation` must name classes of the data."
        found = "\n".join(f"  {each}" for each in problems)
        raise ConfigError(f"{message(expected, classes=list(class_names))}\n{found}")
