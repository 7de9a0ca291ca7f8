"""Which variables of a model training can change, and copies of their values."""

import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

Arrays = dict[str, npt.NDArray[Any]]
Variables = dict[str, keras.Variable]


def changing_variables(model: keras.Model) -> Variables:
    """The variables that training can change, by a name that is the same in every run.

    These are the weights of all layers that are not frozen, the statistics of
    BatchNorm among them. The states of random generators are left out: the Trainer
    sets them again in each step.
    """
    frozen = _frozen_ids(model)
    return {n: v for n, v in _numbered(model).items() if id(v) not in frozen}


def frozen_variables(model: keras.Model) -> Variables:
    """The variables that training leaves alone, by name."""
    frozen = _frozen_ids(model)
    return {n: v for n, v in _numbered(model).items() if id(v) in frozen}


def copy_values(variables: Mapping[str, keras.Variable]) -> Arrays:
    """Copies the values of variables to the host."""
    return {name: np.array(value_on_host(each)) for name, each in variables.items()}


def value_on_host(variable: keras.Variable) -> npt.NDArray[Any]:
    """The value of a variable, to be read only; on a CPU its own memory, not a copy."""
    return np.asarray(tf.convert_to_tensor(variable.value))


def assign_values(variables: Mapping[str, keras.Variable], values: Arrays) -> None:
    """Gives variables the values that were copied from them.

    Raises:
        ValueError: Names or shapes differ.
    """
    differing = sorted(set(variables) ^ set(values))
    if differing:
        raise ValueError(f"The variables of the models differ: {differing[:3]}.")
    for name, variable in variables.items():
        if tuple(variable.shape) != values[name].shape:
            shapes = f"{values[name].shape} saved, {tuple(variable.shape)} here"
            raise ValueError(f"The shapes of {name} differ: {shapes}.")
        variable.assign(values[name])


def unshared_statistics(model: keras.Model) -> list[keras.Variable]:
    """The moving statistics of which each replica keeps its own while it trains."""
    return [
        variable
        for layer in batch_norms(model)
        if layer.trainable and not layer.synchronized
        for variable in layer.non_trainable_variables
    ]


def batch_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """The BatchNorms of a model at any depth."""
    kind = keras.layers.BatchNormalization
    return [layer for layer in all_layers(model) if isinstance(layer, kind)]


def stable_name(variable: keras.Variable) -> str:
    """The name of a variable without the number that Keras gives to those without one.

    It counts them per process.
    """
    return re.sub(r"^variable_\d+$", "variable", variable.name)


def all_layers(model: keras.Model) -> list[keras.Layer]:
    """The layers of a model at any depth, in the order in which Keras holds them."""
    return list(model._flatten_layers(include_self=False, recursive=True))


def _frozen_ids(model: keras.Model) -> set[int]:
    layers = [layer for layer in all_layers(model) if not layer.trainable]
    return {id(variable) for layer in layers for variable in layer.weights}


def _numbered(model: keras.Model) -> Variables:
    """All weights, each with a number that is the same in every process."""
    return {f"{n:05d}/{stable_name(v)}": v for n, v in enumerate(model.weights)}
