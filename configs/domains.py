"""The domain of a setting that a search varies: a range, choices, or true and false.

A domain is `{float: [low, high]}`, `{int: [low, high]}` (both optionally with `log: true`
or `step`), `{choice: [...]}`, `{choice: {NAME: value, ...}}` or `{bool: true}`; each with
`when: {SETTING: VALUE or [VALUES]}` if it varies only for these values of other settings.
"""

import math
from collections.abc import Iterator
from typing import Any

from ..core.names import did_you_mean

Domain = dict[str, Any]

KINDS = ("float", "int", "choice", "bool")
OPTIONS = ("log", "step", "when")
_RANGE_OPTIONS = {"log", "step"}


def options_of(domain: Domain) -> list[tuple[Any, Any]]:
    """Returns the label and the value of each choice; an empty list for a range.

    Example:
        >>> options_of({"choice": {"plain": {"name": "sgd"}, "none": None}})
        [('plain', {'name': 'sgd'}), ('none', None)]
        >>> options_of({"choice": [8, 16]}), options_of({"int": [8, 16]})
        ([(8, 8), (16, 16)], [])
    """
    if "bool" in domain:
        return [(False, False), (True, True)]
    choices = domain.get("choice", [])
    if isinstance(choices, dict):
        return list(choices.items())
    return [(value, value) for value in choices]


def value_of(domain: Domain, label: Any) -> Any:
    """Returns the value of a label; in a range, labels are values."""
    return next((each for name, each in options_of(domain) if name == label), label)


def extreme_values(domain: Domain) -> Iterator[Any]:
    """Yields the bounds of a range, or all values of other domains."""
    if "float" in domain or "int" in domain:
        yield from domain["float" if "float" in domain else "int"]
    else:
        yield from (value for _, value in options_of(domain))


def without_other_kinds(below: Domain, above: Domain) -> Domain:
    """Drops domains, or domains in groups, that a layer above replaces by another kind.

    Their conditions (`when`) are kept.

    Example:
        >>> below = {"seed": {"int": [0, 5], "when": {"model.head": "linear"}}}
        >>> without_other_kinds(below, {"seed": {"choice": [1, 7]}})
        {'seed': {'when': {'model.head': 'linear'}}}
    """
    kinds = set(above) & {*KINDS}
    dropped = {*KINDS, *_RANGE_OPTIONS} if kinds and not kinds & set(below) else set()
    return {
        name: without_other_kinds(each, above[name])
        if isinstance(each, dict) and isinstance(above.get(name), dict)
        else each
        for name, each in below.items()
        if name not in dropped
    }


def unmet_requirement(domain: Domain) -> str:
    """Returns the first unmet requirement, to follow "must"; empty for a valid domain."""
    unknown = sorted(set(map(str, domain)) - {*KINDS, *OPTIONS})
    if unknown:
        guess = did_you_mean(unknown[0], (*KINDS, *OPTIONS))
        return f"have no `{unknown[0]}`{f' ({guess})' if guess else ''}"
    kinds = [kind for kind in KINDS if kind in domain]
    if len(kinds) != 1:
        return f"have one of {', '.join(KINDS)}"
    kind = kinds[0]
    if kind in ("float", "int"):
        return _unmet_by_range(domain, kind)
    if set(domain) & _RANGE_OPTIONS:
        return f"have neither log nor step with {kind}"
    if kind == "bool":
        return "" if domain["bool"] is True else "be {bool: true}"
    return _unmet_by_choice(domain["choice"])


def _unmet_by_range(domain: Domain, kind: str) -> str:
    bounds, log, step = domain[kind], domain.get("log", False), domain.get("step")
    if not isinstance(bounds, list) or len(bounds) != 2:
        return "have two bounds"
    numbers = [*bounds, *([] if step is None else [step])]
    if not all(_is_number(number, kind) for number in numbers):
        return "have whole numbers" if kind == "int" else "have finite numbers"
    if bounds[0] >= bounds[1]:
        return "have the smaller bound first"
    if not isinstance(log, bool):
        return "have log: true or log: false"
    if log and bounds[0] <= 0:
        return "have bounds above 0 with log"
    if step is not None and step <= (1 if log else 0):
        return f"have a step above {1 if log else 0}"
    return ""


def _unmet_by_choice(choices: Any) -> str:
    values = list(choices.values()) if isinstance(choices, dict) else choices
    if not isinstance(values, list) or not values:
        return "have a list of values, or values by name"
    if isinstance(choices, dict) and not all(isinstance(name, str) for name in choices):
        return "have text as the names of choices"
    if any(value in values[:place] for place, value in enumerate(values)):
        return "have each value once"
    return ""


def _is_number(value: Any, kind: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and (kind == "float" or isinstance(value, int))
