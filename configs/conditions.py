"""Conditions of a search space: settings that vary only for certain values of others."""

import graphlib
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..core.errors import message
from ..core.names import did_you_mean
from .domains import Domain, options_of, value_of
from .problems import Problem, problem

_FORM = "Write when: {SETTING: VALUE} or when: {SETTING: [VALUE, VALUE]}."


def conditions_of(domain: Domain) -> dict[str, list[Any]]:
    """Returns the values that other settings must have for a setting to vary.

    Example:
        >>> conditions_of({"bool": True, "when": {"model.head": "linear", "seed": [1, 2]}})
        {'model.head': ['linear'], 'seed': [1, 2]}
    """
    wanted = domain.get("when", {})
    return {
        name: each if isinstance(each, list) else [each] for name, each in wanted.items()
    }


def condition_problems(space: Mapping[str, Domain]) -> Iterator[Problem]:
    """Yields a problem for each invalid condition of a space.

    Args:
        space: A space with otherwise valid domains.
    """
    malformed = {name for name, domain in space.items() if not _is_mapping(domain)}
    for name in sorted(malformed):
        yield problem(
            f"search.space.{name}.when",
            "must name other settings of the space",
            _FORM,
            when=space[name]["when"],
        )
    if not malformed:
        lines = [line for name in space for line in _wrong_parents(name, space)]
        yield from lines or _contradictions(space)


def in_order(space: Mapping[str, Domain]) -> dict[str, Domain]:
    """Returns the space with each setting after those that it depends on.

    Example:
        >>> list(in_order({"a": {"bool": True, "when": {"b": True}}, "b": {"bool": True}}))
        ['b', 'a']
    """
    ordered: dict[str, Domain] = {}

    def add(name: str) -> None:
        for parent in conditions_of(space[name]):
            add(parent)
        ordered[name] = space[name]

    for name in space:
        add(name)
    return ordered


def activations(space: Mapping[str, Domain], *names: str) -> Iterator[dict[str, Any]]:
    """Yields the values of other settings for which all of these settings vary.

    Example:
        >>> space = {"a": {"bool": True}, "b": {"bool": True, "when": {"a": False}}}
        >>> list(activations(space, "b"))
        [{'a': False}]
    """
    allowed: dict[str, list[Any]] = {}
    for name in names:
        _narrow(allowed, _allowed_labels(space, name))
    for labels in itertools.product(*allowed.values()):
        chosen = zip(allowed, labels, strict=True)
        yield {parent: value_of(space[parent], label) for parent, label in chosen}


def _is_mapping(domain: Domain) -> bool:
    wanted = domain.get("when", {None: None})
    return isinstance(wanted, dict) and bool(wanted) and [] not in wanted.values()


def _wrong_parents(name: str, space: Mapping[str, Domain]) -> Iterator[Problem]:
    for parent, labels in conditions_of(space[name]).items():
        setting = f"search.space.{name}.when"
        if parent not in space:
            yield problem(
                setting,
                "must name settings that also vary",
                did_you_mean(str(parent), space) or f"These vary: {', '.join(space)}.",
                setting=parent,
            )
        elif "float" in space[parent]:
            yield problem(
                setting,
                "must name settings with choices, or whole numbers",
                f"Give {parent} a choice of values.",
                setting=parent,
            )
        else:
            odd = [label for label in labels if not _is_option(space[parent], label)]
            if odd:
                yield problem(
                    setting,
                    f"must have values that `{parent}` can have",
                    f"These are {_describe_options(space[parent])}.",
                    **{parent: odd[0]},
                )


def _contradictions(space: Mapping[str, Domain]) -> Iterator[Problem]:
    """Yields problems for cyclic conditions, or for those that never hold."""
    graph = {name: list(conditions_of(domain)) for name, domain in space.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        text = message(
            "Settings of `search.space` must not depend on each other in a cycle.",
            "Leave out one `when`.",
            cycle=" -> ".join(error.args[1]),
        )
        yield Problem("search.space", text)
        return
    for name in space:
        if not all(_allowed_labels(space, name).values()):
            yield problem(
                f"search.space.{name}.when",
                "must be satisfiable, but contradicts the conditions of the settings that "
                "it names",
                "Compare their `when`.",
                when=space[name]["when"],
            )


def _allowed_labels(space: Mapping[str, Domain], name: str) -> dict[str, list[Any]]:
    """Returns the allowed labels of the settings that this one depends on, transitively."""
    allowed: dict[str, list[Any]] = {}
    for parent, labels in conditions_of(space[name]).items():
        _narrow(allowed, _allowed_labels(space, parent) | {parent: labels})
    return allowed


def _narrow(allowed: dict[str, list[Any]], further: Mapping[str, list[Any]]) -> None:
    for name, labels in further.items():
        allowed[name] = [label for label in labels if label in allowed.get(name, labels)]


def _is_option(domain: Domain, label: Any) -> bool:
    if "int" not in domain:
        return any(_is_same(label, known) for known, _ in options_of(domain))
    low, high = domain["int"]
    if isinstance(label, bool) or not isinstance(label, int) or not low <= label <= high:
        return False
    step = domain.get("step")
    return step is None or domain.get("log", False) or (label - low) % step == 0


def _is_same(one: Any, other: Any) -> bool:
    """Returns whether values are equal, where true does not equal 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _describe_options(domain: Domain) -> str:
    if "int" in domain:
        return " to ".join(map(str, domain["int"]))
    return ", ".join(json.dumps(label).strip('"') for label, _ in options_of(domain))
