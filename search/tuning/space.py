"""A space of settings in the words of Keras Tuner."""

import json
from collections.abc import Mapping
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

from ...configs import Space


def hyperparameters(space: Space) -> keras_tuner.HyperParameters:
    """Turns a space that was checked into one of Keras Tuner.

    Example:
        >>> found = hyperparameters({"model.dropout": {"float": [0.0, 0.5]}})
        >>> [parameter.name for parameter in found.space]
        ['model.dropout']
    """
    made = keras_tuner.HyperParameters()
    for name, domain in space.items():
        if "bool" in domain:
            made.Boolean(name)
        elif "choice" in domain:
            made.Choice(name, _encoded(domain["choice"]))
        else:
            _add_range(made, name, domain)
    return made


def decoded(space: Space, values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that Keras Tuner's values stand for, without its own remarks."""
    return {
        name: _decoded(domain["choice"], values[name])
        if "choice" in domain
        else values[name]
        for name, domain in space.items()
    }


def is_logarithmic(space: keras_tuner.HyperParameters, name: str) -> bool:
    """Whether a range is searched on a logarithmic scale.

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
    """A line for each setting that varies."""
    return [f"{name}: {_describe(domain)}" for name, domain in space.items()]


def _add_range(
    made: keras_tuner.HyperParameters, name: str, domain: Mapping[str, Any]
) -> None:
    kind = "float" if "float" in domain else "int"
    add = made.Float if kind == "float" else made.Int
    low, high = domain[kind]
    sampling = "log" if domain.get("log") else "linear"
    add(name, low, high, step=domain.get("step"), sampling=sampling)


def _encoded(choices: list[Any]) -> list[Any]:
    """Values of one type, as Keras Tuner demands; what are not numbers become JSON."""
    kinds = {type(choice) for choice in choices}
    if kinds == {int}:
        return choices
    if kinds <= {int, float}:
        return [float(choice) for choice in choices]
    return [json.dumps(choice) for choice in choices]


def _decoded(choices: list[Any], value: Any) -> Any:
    return choices[_encoded(choices).index(value)]


def _describe(domain: Mapping[str, Any]) -> str:
    if "bool" in domain:
        return "true or false"
    if "choice" in domain:
        return "one of " + ", ".join(json.dumps(choice) for choice in domain["choice"])
    low, high = domain.get("float") or domain["int"]
    how = ", log" if domain.get("log") else ""
    step = f", step {domain['step']}" if "step" in domain else ""
    return f"{low} to {high}{how}{step}"
