"""Counts the combinations of values in a space, and checks whether all were tried."""

import math
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds


def number_of_points(space: keras_tuner.HyperParameters) -> int | None:
    """Returns the maximum number of combinations; None if a range has no step.

    A conditional parameter counts only where it is active.

    Example:
        >>> space = keras_tuner.HyperParameters()
        >>> chosen = space.Choice("units", [8, 16]), space.Int("layers", 1, 3)
        >>> number_of_points(space)
        6
    """
    count = _count(list(space.space), {})
    return int(count) if math.isfinite(count) else None


def has_tried_all(oracle: Any) -> bool:
    """Returns whether an oracle has started a trial with each combination."""
    points = number_of_points(oracle.hyperparameters)
    return points is not None and len(tried(oracle)) >= points


def tried(oracle: Any) -> set[tuple[Any, ...]]:
    """Returns the combinations of started trials, without internal values of the oracle."""
    return {
        tuple(sorted((k, str(v)) for k, v in values.items() if not k.startswith("tuner/")))
        for values in (trial.hyperparameters.values for trial in oracle.trials.values())
    }


def _count(left: list[Any], values: dict[str, Any]) -> float:
    """Counts the combinations of remaining parameters, given the values of earlier ones."""
    if not left:
        return 1
    first, *others = left
    if not all(condition.is_active(values) for condition in first.conditions):
        return _count(others, values)
    number = _number_of_values(first)
    if number is None:
        return math.inf
    if not any(each.name == first.name for p in others for each in p.conditions):
        return number * _count(others, values)
    return sum(_count(others, values | {first.name: value}) for value in first.values)


def _number_of_values(parameter: Any) -> int | None:
    if isinstance(parameter, kinds.Choice):
        return len(set(parameter.values))
    if isinstance(parameter, kinds.Boolean):
        return 2
    if not isinstance(parameter, kinds.Int | kinds.Float):
        return 1
    low, high, step = parameter.min_value, parameter.max_value, parameter.step
    if step is None:
        whole = isinstance(parameter, kinds.Int)
        return int(high - low) + 1 if whole else None
    if parameter.sampling == "log":
        return int(math.log(high / low, step) + 1e-8) + 1
    return int((high - low) / step + 1e-8) + 1
