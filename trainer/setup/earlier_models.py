"""Frees the models of earlier fits before the next fit allocates memory."""

import gc
from weakref import WeakSet

import keras

# Collecting garbage takes 0.3 seconds, longer than a tiny fit.
MIN_PARAMETERS_TO_COLLECT = 1_000_000

_built: WeakSet[keras.Model] = WeakSet()


def free_earlier_models() -> None:
    """Collects garbage if the models of earlier fits are large.

    A Keras model and its layers refer to each other, so that only Python's garbage
    collector frees them. It counts objects rather than bytes: about twenty models with
    optimizers and traces would be in memory at a time. Small models are collected once
    they have a million parameters in total.
    """
    if sum(model.count_params() for model in _built) >= MIN_PARAMETERS_TO_COLLECT:
        gc.collect()
        _built.clear()  # the remaining models are still in use


def register_model(model: keras.Model) -> None:
    """Registers a model, by a weak reference, for the next fit of this process."""
    _built.add(model)
