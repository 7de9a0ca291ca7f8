"""The domain of a setting that a search varies: a range, choices, or true and false.

A domain is `{float: [low, high]}`, `{int: [low, high]}` (both with `log: true` or `step`
if wanted), `{choice: [...]}`, `{choice: {NAME: value, ...}}` or `{bool: true}`; each with
`when: {SETTING: VALUE or [VALUES]}` if it is to vary only there.
"""

import math
from collections.abc import Iterator
from typing import Any

from ..core.names import did_you_mean

Domain = dict[str, Any]

KINDS = ("float", "int", "choice", "bool")
OPTIONS = ("log", "step", "when")
_OF_RANGES = {"log", "step"}


def options_of(domain: Domain) -> list[tuple[Any, Any]]:
    """The label and the value of each choice; none of a range.

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
    """The value that a label stands for; of a range it is the value."""
    return next((each for name, each in options_of(domain) if name == label), label)


def extreme_values(domain: Domain) -> Iterator[Any]:
    """The values that must all be allowed for the domain to be."""
    if "float" in domain or "int" in domain:
        yield from domain["float" if "float" in domain else "int"]
    else:
        yield from (value for _, value in options_of(domain))


def without_other_kinds(below: Domain, above: Domain) -> Domain:
    """What stays of domains, or of groups of them, under those of a layer above.

    A range under choices does not: what is laid over a domain of another kind takes its
    place, and keeps only the conditions.

    Example:
        >>> below = {"seed": {"int": [0, 5], "when": {"model.head": "linear"}}}
        >>> without_other_kinds(below, {"seed": {"choice": [1, 7]}})
        {'seed': {'when': {'model.head': 'linear'}}}
    """
    kinds = set(above) & {*KINDS}
    dropped = {*KINDS, *_OF_RANGES} if kinds and not kinds & set(below) else set()
    return {
        name: without_other_kinds(each, above[name])
        if isinstance(each, dict) and isinstance(above.get(name), dict)
        else each
        for name, each in below.items()
        if name not in dropped
    }


def what_is_wanted(domain: Any) -> str:
    """What a domain must do that it does not, or nothing."""
    if not isinstance(domain, dict):
        return "be a domain"
    unknown = sorted(set(map(str, domain)) - {*KINDS, *OPTIONS})
    if unknown:
        guess = did_you_mean(unknown[0], (*KINDS, *OPTIONS))
        return f"have no `{unknown[0]}`{f' ({guess})' if guess else ''}"
    kinds = [kind for kind in KINDS if kind in domain]
    if len(kinds) != 1:
        return f"have one of {', '.join(KINDS)}"
    kind = kinds[0]
    if kind in ("float", "int"):
        return _wanted_of_range(domain, kind)
    if set(domain) & _OF_RANGES:
        return f"have neither log nor step beside {kind}"
    if kind == "bool":
        return "" if domain["bool"] is True else "say {bool: true}"
    return _wanted_of_choice(domain["choice"])


def _wanted_of_range(domain: Domain, kind: str) -> str:
    bounds, log, step = domain[kind], domain.get("log", False), domain.get("step")
    if not isinstance(bounds, list) or len(bounds) != 2:
        return "have two bounds"
    numbers = [*bounds, *([] if step is None else [step])]
    if not all(_is_number(number, kind) for number in numbers):
        return "have whole numbers" if kind == "int" else "have finite numbers"
    if bounds[0] >= bounds[1]:
        return "have the smaller bound first"
    if not isinstance(log, bool):
        return "say log: true or log: false"
    if log and bounds[0] <= 0:
        return "have bounds above 0 with log"
    if step is not None and step <= (1 if log else 0):
        return f"have a step above {1 if log else 0}"
    return ""


def _wanted_of_choice(choices: Any) -> str:
    values = list(choices.values()) if isinstance(choices, dict) else choices
    if not isinstance(values, list) or not values:
        return "have a list of values, or values by name"
    if isinstance(choices, dict) and not all(isinstance(name, str) for name in choices):
        return "have words for the names of choices"
    if any(value in values[:place] for place, value in enumerate(values)):
        return "have each value once"
    return ""


def _is_number(value: Any, kind: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and (kind == "float" or isinstance(value, int))
