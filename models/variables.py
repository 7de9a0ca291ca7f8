"""Finds the variables of a model that training changes, and copies values."""

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
    """Returns the variables that training can change, by names that are stable over runs.

    These are the weights of all layers that are not frozen, including the statistics of
    BatchNorm. The states of random generators are not included, since the Trainer sets them
    in each step.
    """
    frozen = _frozen_ids(model)
    return {n: v for n, v in _numbered(model).items() if id(v) not in frozen}


def frozen_variables(model: keras.Model) -> Variables:
    """Returns the variables that training does not change, by name."""
    frozen = _frozen_ids(model)
    return {n: v for n, v in _numbered(model).items() if id(v) in frozen}


def copy_values(variables: Mapping[str, keras.Variable]) -> Arrays:
    """Copies the values of variables to the host."""
    return {name: np.array(value_on_host(each)) for name, each in variables.items()}


def value_on_host(variable: keras.Variable) -> npt.NDArray[Any]:
    """Returns the value of a variable, read-only; on a CPU a view of its memory."""
    return np.asarray(tf.convert_to_tensor(variable.value))


def assign_values(variables: Mapping[str, keras.Variable], values: Arrays) -> None:
    """Assigns values by name.

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
    """Returns the moving statistics that are not synchronized between replicas."""
    return [
        variable
        for layer in batch_norms(model)
        if layer.trainable and not layer.synchronized
        for variable in layer.non_trainable_variables
    ]


def batch_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Returns the BatchNorm layers of a model at any depth."""
    kind = keras.layers.BatchNormalization
    return [layer for layer in all_layers(model) if isinstance(layer, kind)]


def stable_name(variable: keras.Variable) -> str:
    """Returns the name of a variable; removes the number of an unnamed one.

    Keras numbers unnamed variables per process.
    """
    return re.sub(r"^variable_\d+$", "variable", variable.name)


def all_layers(model: keras.Model) -> list[keras.Layer]:
    """Returns the layers of a model at any depth, in Keras's order."""
    return list(model._flatten_layers(include_self=False, recursive=True))


def _frozen_ids(model: keras.Model) -> set[int]:
    layers = [layer for layer in all_layers(model) if not layer.trainable]
    return {id(variable) for layer in layers for variable in layer.weights}


def _numbered(model: keras.Model) -> Variables:
    """Returns all weights by names with numbers, which are the same in every process."""
    return {f"{n:05d}/{stable_name(v)}": v for n, v in enumerate(model.weights)}
