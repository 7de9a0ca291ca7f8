"""Search spaces: the domains of the settings that a search varies, by dotted name."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..core.errors import message
from ..core.names import did_you_mean
from .conditions import activations, condition_problems
from .domains import (
    KINDS,
    OPTIONS,
    Domain,
    extreme_values,
    options_of,
    unmet_requirement,
)
from .problems import Problem, ProblemsError, problem, problems_of

Space = Mapping[str, Domain]
Model = TypeVar("Model", bound=BaseModel)

DEFAULT_SPACE: dict[str, Domain] = {
    "model.dropout": {"float": [0.0, 0.6]},
    "optimizer.learning_rate": {"float": [1e-5, 1e-2], "log": True},
    "augmentation.strength": {"choice": [0, 0.25, 0.5, 1.0]},
}
# Settings of the search as a whole, which can't vary between trials.
_FIXED = ("run_dir", "cache_dir", "effort", "efforts", "search", "task")
_FORMS = "Write {float: [low, high]}, {int: [low, high]}, {choice: [...]} or {bool: true}."
_MOST_TRIED = 64  # combinations of values of two settings


def flatten(space: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Converts nested groups, as the command line produces them, to dotted names.

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


def require_domains(space: Mapping[str, Any]) -> None:
    """Checks that settings have domains, not plain values or lists.

    Raises:
        ProblemsError: Some have not; the message lists all of them.
    """
    wrong = dict(_names_without_domain(space))
    if wrong:
        raise ProblemsError(
            *(
                problem(f"search.space.{name}", "must be a domain", _FORMS, **{name: value})
                for name, value in wrong.items()
            )
        )


def _names_without_domain(space: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    words = (*KINDS, *OPTIONS)
    for name, domain in space.items():
        if not isinstance(domain, dict):
            yield name, domain
        elif not domain.keys() & {
            *words
        }:  # a group with lists, or words that are misspelled
            for key, value in domain.items():
                if isinstance(value, list) and not did_you_mean(str(key), words):
                    yield f"{name}.{key}", value


def check_domains(space: Space) -> None:
    """Checks that every domain is valid, and that its conditions can be met.

    Raises:
        ProblemsError: Domains are invalid; the message lists all of them.
    """
    problems = [
        problem(f"search.space.{name}", f"must {unmet}", _FORMS, **{name: domain})
        for name, domain in space.items()
        if (unmet := unmet_requirement(domain))
    ]
    fixed = [name for name in space if name.partition(".")[0] in _FIXED]
    problems = problems or list(condition_problems(space))
    problems += [
        problem(f"search.space.{name}", "can't vary between trials") for name in fixed
    ]
    if problems:
        raise ProblemsError(*problems)


def check_space(config: BaseModel, space: Space) -> None:
    """Checks that every bound and choice is a valid value of its setting.

    Args:
        config: The configuration that the search varies.
        space: The space, after `check_domains`.

    Raises:
        ProblemsError: Values are invalid, or can't be combined with those of another
            setting; the message lists all of them.
    """
    wrong = {name: lines for name in space if (lines := _problems_of(config, space, name))}
    problems = dict.fromkeys(
        Problem(f"search.space.{name}", f"`search.space.{name}`: {line}")
        for name, lines in wrong.items()
        for line in lines
    )
    fine = [name for name in space if name not in wrong]
    for one, other in itertools.combinations(fine, 2):
        problems |= dict.fromkeys(_problems_of_pair(config, space, one, other))
    if problems:
        raise ProblemsError(*problems)


def with_values(config: Model, values: Mapping[str, Any]) -> Model:
    """Returns a configuration with some settings, by dotted name, changed.

    The value true leaves a group of settings, such as a callback, unchanged. Groups are
    replaced before the settings in them.

    Raises:
        ValidationError: A setting does not exist, or the value is invalid.
    """
    content = config.model_dump(mode="json")
    if "search" in content:  # the configuration of a trial needs no search space
        content["search"] |= {"space": None}
    for name in sorted(values, key=lambda name: name.count(".")):
        _set_nested(content, name.split("."), values[name])
    return type(config).model_validate(content)


def with_each_value(config: Model, space: Space, prefix: str) -> Iterator[Model]:
    """Yields configurations with each choice or bound of the settings with a prefix.

    Args:
        config: The configuration that the search varies.
        space: The space, after `check_space`.
        prefix: The common prefix of the dotted names.
    """
    for name in (name for name in space if name.startswith(prefix)):
        for value in extreme_values(space[name]):
            for others in activations(space, name):
                yield with_values(config, others | {name: value})


def _problems_of(config: BaseModel, space: Space, name: str) -> list[str]:
    """Returns the problems of the first invalid value of a setting."""
    values = extreme_values(space[name])
    for value, others in itertools.product(values, activations(space, name)):
        lines = _validation_errors(config, others | {name: value})
        if lines:
            return lines
    return []


def _problems_of_pair(
    config: BaseModel, space: Space, one: str, other: str
) -> Iterator[Problem]:
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
            lines = _validation_errors(config, others | pair)
            if lines:
                text = message(
                    f"`search.space`: values of `{one}` and `{other}` must go together; "
                    f"{lines[0]}",
                    "Vary one only `when` the other allows it.",
                    **pair,
                )
                yield Problem("search.space", text)
                return


def _validation_errors(config: BaseModel, values: Mapping[str, Any]) -> list[str]:
    try:
        with_values(config, values)
    except ValidationError as error:
        return [each.text for each in problems_of(error, type(config))]
    return []


def _set_nested(content: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        if not isinstance(content.get(name), dict):
            content[name] = {}
        content = content[name]
    is_on = value is True and isinstance(content.get(path[-1]), dict)
    if not is_on:
        content[path[-1]] = value


def _settings_below(value: Any) -> dict[str, Any]:
    """Returns the settings in a group, without the parts of the group's own domain."""
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
