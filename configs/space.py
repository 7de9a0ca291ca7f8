"""What a search varies: settings by dotted name, each with a domain.

A domain is `{float: [low, high]}`, `{int: [low, high]}` (both with `log: true` or `step`
if wanted), `{choice: [...]}` or `{bool: true}`.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..core.errors import message
from ..core.names import did_you_mean
from .problems import ProblemsError, describe

Domain = dict[str, Any]
Space = Mapping[str, Domain]
Model = TypeVar("Model", bound=BaseModel)

KINDS = ("float", "int", "choice", "bool")
OPTIONS = ("log", "step")
DEFAULT_SPACE: dict[str, Domain] = {
    "model.dropout": {"float": [0.0, 0.6]},
    "optimizer.learning_rate": {"float": [1e-5, 1e-2], "log": True},
    "augmentation.strength": {"choice": [0, 0.25, 0.5, 1.0]},
}
_FIXED = (
    "run_dir",
    "cache_dir",
    "effort",
    "efforts",
    "search",
    "task",
)  # what belongs to the search as a whole
_FORMS = "Write {float: [low, high]}, {int: [low, high]}, {choice: [...]} or {bool: true}."


def flatten(space: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Writes nested groups as dotted names, as a command line nests them.

    Example:
        >>> flatten({"model": {"dropout": {"float": [0.0, 0.5]}}})
        {'model.dropout': {'float': [0.0, 0.5]}}
    """
    flat: dict[str, Any] = {}
    for key, value in space.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and not _is_domain(value):
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def check_domains(space: Space) -> None:
    """Looks whether every domain is one.

    Raises:
        ProblemsError: Some are not; all are named.
    """
    problems = [
        message(f"`search.space.{name}` must {wanted}.", _FORMS, **{name: domain})
        for name, domain in space.items()
        if (wanted := _what_is_wanted(domain))
    ]
    fixed = [name for name in space if name.partition(".")[0] in _FIXED]
    problems += [f"`search.space.{name}` can't vary between trials." for name in fixed]
    if problems:
        raise ProblemsError("\n".join(problems))


def check_space(config: BaseModel, space: Space) -> None:
    """Looks whether every bound and choice is a value that its setting may have.

    Args:
        config: The configuration that is to vary.
        space: With domains that were checked.

    Raises:
        ProblemsError: Some are not; all are named.
    """
    problems: dict[str, None] = {}
    for name, domain in space.items():
        for value in extreme_values(domain):
            try:
                with_values(config, {name: value})
            except ValidationError as error:
                found = describe(error, type(config)).splitlines()
                problems |= dict.fromkeys(
                    f"`search.space.{name}`: {line}" for line in found
                )
                break
    if problems:
        raise ProblemsError("\n".join(problems))


def with_values(config: Model, values: Mapping[str, Any]) -> Model:
    """A configuration in which some settings, by dotted name, are others.

    Raises:
        ValidationError: A setting does not exist, or can't have that value.
    """
    content = config.model_dump(mode="json")
    if "search" in content:  # what the trial's own configuration need not repeat
        content["search"] |= {"space": None}
    for name, value in values.items():
        _put(content, name.split("."), value)
    return type(config).model_validate(content)


def extreme_values(domain: Domain) -> Iterator[Any]:
    """The values that must all be allowed for the domain to be."""
    if "bool" in domain:
        yield from (False, True)
    else:
        yield from next(domain[kind] for kind in KINDS if kind in domain)


def _put(content: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        if not isinstance(content.get(name), dict):
            content[name] = {}
        content = content[name]
    content[path[-1]] = value


def _is_domain(value: Mapping[str, Any]) -> bool:
    names_a_kind = bool(set(value) & {*KINDS, *OPTIONS})
    return names_a_kind or any(isinstance(each, list) for each in value.values())


def _what_is_wanted(domain: Any) -> str:
    """What a domain must do that it does not, or nothing."""
    if not isinstance(domain, dict):
        return "be a domain"
    unknown = sorted(set(domain) - {*KINDS, *OPTIONS})
    if unknown:
        guess = did_you_mean(unknown[0], (*KINDS, *OPTIONS))
        return f"have no `{unknown[0]}`{f' ({guess})' if guess else ''}"
    kinds = [kind for kind in KINDS if kind in domain]
    if len(kinds) != 1:
        return f"have one of {', '.join(KINDS)}"
    kind = kinds[0]
    if kind in ("float", "int"):
        return _wanted_of_range(domain, kind)
    if set(domain) & set(OPTIONS):
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


def _wanted_of_choice(values: Any) -> str:
    if not isinstance(values, list) or not values:
        return "have a list of values"
    if any(value in values[:place] for place, value in enumerate(values)):
        return "have each value once"
    return ""


def _is_number(value: Any, kind: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and (kind == "float" or isinstance(value, int))
