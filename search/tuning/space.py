"""Converts search spaces to Keras Tuner's."""

import json
from collections.abc import Mapping
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

from ...configs import Space
from ...configs.conditions import conditions_of, in_order
from ...configs.domains import Domain, options_of


def hyperparameters(space: Space) -> keras_tuner.HyperParameters:
    """Converts a validated space to Keras Tuner's hyperparameters.

    Example:
        >>> found = hyperparameters({"model.dropout": {"float": [0.0, 0.5]}})
        >>> [parameter.name for parameter in found.space]
        ['model.dropout']
    """
    unconditional = keras_tuner.HyperParameters()
    for name, domain in in_order(space).items():
        _add(unconditional, name, domain)
    config = unconditional.get_config() | {"values": {}}
    for each in config["space"]:  # scopes of Keras Tuner support only one condition
        each["config"]["conditions"] = _conditions(space, each["config"]["name"])
    made = keras_tuner.HyperParameters.from_config(config)
    for parameter in made.space:
        if made.is_active(parameter):
            made.values[parameter.name] = parameter.default
    return made


def decoded(space: Space, values: Mapping[str, Any]) -> dict[str, Any]:
    """Converts Keras Tuner's values to settings, without its internal values.

    A conditional setting that is not active in a trial is not included.
    """
    return {
        name: _decoded(domain, values[name])
        for name, domain in space.items()
        if name in values
    }


def is_logarithmic(space: keras_tuner.HyperParameters, name: str) -> bool:
    """Returns whether a range is searched on a logarithmic scale.

    Example:
        >>> space = hyperparameters({"rate": {"float": [1e-4, 1.0], "log": True}})
        >>> is_logarithmic(space, "rate")
        True
    """
    return any(
        each.name == name
        and isinstance(each, kinds.Float | kinds.Int)
        and "log" in each.sampling
        for each in space.space
    )


def describe_space(space: Space) -> list[str]:
    """Returns a line for each setting that varies."""
    return [f"{name}: {_describe(domain)}" for name, domain in space.items()]


def _conditions(space: Space, name: str) -> list[dict[str, Any]]:
    """Converts the conditions of a setting to Keras Tuner's format."""
    return [
        {
            "class_name": "Parent",
            "config": {
                "name": parent,
                "values": [_encoded(space[parent], label) for label in labels],
            },
        }
        for parent, labels in conditions_of(space[name]).items()
    ]


def _add(made: keras_tuner.HyperParameters, name: str, domain: Domain) -> None:
    if "bool" in domain:
        made.Boolean(name)
    elif "choice" in domain:
        made.Choice(name, [_encoded(domain, label) for label, _ in options_of(domain)])
    else:
        kind = "float" if "float" in domain else "int"
        add = made.Float if kind == "float" else made.Int
        sampling = "log" if domain.get("log") else "linear"
        add(name, *domain[kind], step=domain.get("step"), sampling=sampling)


def _encoded(domain: Domain, label: Any) -> Any:
    """Encodes a choice for Keras Tuner: all of one type, as JSON unless numbers."""
    choices = domain.get("choice")
    if not isinstance(choices, list):
        return label
    kinds = {type(choice) for choice in choices}
    if kinds == {int}:
        return label
    return float(label) if kinds <= {int, float} else json.dumps(label)


def _decoded(domain: Domain, value: Any) -> Any:
    options = options_of(domain) if "choice" in domain else ()
    found = (each for label, each in options if _encoded(domain, label) == value)
    return next(found, value)


def _describe(domain: Domain) -> str:
    return _describe_values(domain) + "".join(
        f", when {parent} is {' or '.join(map(_word, labels))}"
        for parent, labels in conditions_of(domain).items()
    )


def _describe_values(domain: Domain) -> str:
    if "bool" in domain:
        return "true or false"
    if "choice" in domain:
        options = options_of(domain)
        is_named = isinstance(domain["choice"], dict)
        words = [label if is_named else json.dumps(label) for label, _ in options]
        return "one of " + ", ".join(words)
    low, high = domain.get("float") or domain["int"]
    how = ", log" if domain.get("log") else ""
    step = f", step {domain['step']}" if "step" in domain else ""
    return f"{low} to {high}{how}{step}"


def _word(label: Any) -> str:
    return json.dumps(label).strip('"')
