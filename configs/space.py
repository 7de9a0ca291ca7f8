"""What a search varies: settings by dotted name, each with a domain."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..core.errors import message
from .conditions import activations, condition_problems
from .domains import KINDS, OPTIONS, Domain, extreme_values, options_of, what_is_wanted
from .problems import ProblemsError, describe

Space = Mapping[str, Domain]
Model = TypeVar("Model", bound=BaseModel)

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
_MOST_TRIED = 64  # of the ways in which two settings can meet


def flatten(space: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Writes nested groups as dotted names, as a command line nests them.

    Example:
        >>> flatten({"model": {"dropout": {"float": [0.0, 0.5]}}})
        {'model.dropout': {'float': [0.0, 0.5]}}
    """
    flat: dict[str, Any] = {}
    for key, value in space.items():
        name = f"{prefix}{key}"
        below = _settings_below(value)
        if not below:
            flat[name] = value
        elif own := {key: each for key, each in value.items() if key not in below}:
            flat[name] = own
        flat |= flatten(below, f"{name}.")
    return flat


def check_domains(space: Space) -> None:
    """Checks whether every domain is one, and whether its conditions can be met.

    Raises:
        ProblemsError: Some are not; all are named.
    """
    problems = [
        message(f"`search.space.{name}` must {wanted}.", _FORMS, **{name: domain})
        for name, domain in space.items()
        if (wanted := what_is_wanted(domain))
    ]
    fixed = [name for name in space if name.partition(".")[0] in _FIXED]
    problems = problems or list(condition_problems(space))
    problems += [f"`search.space.{name}` can't vary between trials." for name in fixed]
    if problems:
        raise ProblemsError("\n".join(problems))


def check_space(config: BaseModel, space: Space) -> None:
    """Checks whether every bound and choice is a value that its setting may have.

    Args:
        config: The configuration that is to vary.
        space: With domains that were checked.

    Raises:
        ProblemsError: Some are not, or can't meet another; all are named.
    """
    wrong = {name: lines for name in space if (lines := _problems_of(config, space, name))}
    problems = dict.fromkeys(
        f"`search.space.{name}`: {line}" for name, lines in wrong.items() for line in lines
    )
    fine = [name for name in space if name not in wrong]
    for one, other in itertools.combinations(fine, 2):
        problems |= dict.fromkeys(_problems_of_pair(config, space, one, other))
    if problems:
        raise ProblemsError("\n".join(problems))


def with_values(config: Model, values: Mapping[str, Any]) -> Model:
    """A configuration in which some settings, by dotted name, are others.

    True leaves a group of settings, such as a callback, as it is. A group is replaced
    before a setting within it.

    Raises:
        ValidationError: A setting does not exist, or can't have that value.
    """
    content = config.model_dump(mode="json")
    if "search" in content:  # what the trial's own configuration need not repeat
        content["search"] |= {"space": None}
    for name in sorted(values, key=lambda name: name.count(".")):
        _put(content, name.split("."), values[name])
    return type(config).model_validate(content)


def with_each_value(config: Model, space: Space, prefix: str) -> Iterator[Model]:
    """The configuration with each choice and bound of the settings below a prefix.

    Args:
        config: The configuration that is to vary.
        space: As `check_space` has found it right.
        prefix: How names of the settings begin.
    """
    for name in (name for name in space if name.startswith(prefix)):
        for value in extreme_values(space[name]):
            for others in activations(space, name):
                yield with_values(config, others | {name: value})


def _problems_of(config: BaseModel, space: Space, name: str) -> list[str]:
    """What is wrong with the first of its values that its setting may not have."""
    values = extreme_values(space[name])
    for value, others in itertools.product(values, activations(space, name)):
        lines = _refusal(config, others | {name: value})
        if lines:
            return lines
    return []


def _problems_of_pair(
    config: BaseModel, space: Space, one: str, other: str
) -> Iterator[str]:
    """Finds values of two settings that are allowed alone but not together."""
    if not (options_of(space[one]) or options_of(space[other])):
        return
    ways = itertools.product(
        activations(space, one, other),
        extreme_values(space[one]),
        extreme_values(space[other]),
    )
    for others, first, second in itertools.islice(ways, _MOST_TRIED):
        pair = {one: first, other: second}
        if all(others.get(name, value) == value for name, value in pair.items()):
            lines = _refusal(config, others | pair)
            if lines:
                yield message(
                    f"`search.space`: values of `{one}` and `{other}` must go together; "
                    f"{lines[0]}",
                    "Vary one only `when` the other allows it.",
                    **pair,
                )
                return


def _refusal(config: BaseModel, values: Mapping[str, Any]) -> list[str]:
    try:
        with_values(config, values)
    except ValidationError as error:
        return describe(error, type(config)).splitlines()
    return []


def _put(content: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        if not isinstance(content.get(name), dict):
            content[name] = {}
        content = content[name]
    is_on = value is True and isinstance(content.get(path[-1]), dict)
    if not is_on:
        content[path[-1]] = value


def _settings_below(value: Any) -> dict[str, Any]:
    """What in a group are settings, each with a domain, and not parts of its own domain."""
    if not isinstance(value, dict):
        return {}
    is_domain = bool(set(value) & {*KINDS, *OPTIONS}) or any(
        isinstance(each, list) for each in value.values()
    )
    if not is_domain:
        return value
    return {
        name: each
        for name, each in value.items()
        if name not in {*KINDS, *OPTIONS} and (each is None or isinstance(each, dict))
    }
