"""Frees the models of earlier fits before another one takes memory."""

import gc
from weakref import WeakSet

import keras

# A look at all objects of a process takes a third of a second, longer than a tiny fit.
PARAMETERS_WORTH_A_LOOK = 1_000_000

_built: WeakSet[keras.Model] = WeakSet()


def free_earlier_models() -> None:
    """Frees those models that nobody holds but they themselves, if they are large.

    A Keras model and its layers refer to each other, so that it waits for Python's
    garbage collection, which counts objects and not gigabytes: of many fits in one process
    some twenty models, with optimizers and traces, would be there at a time. Small ones
    can wait, and are looked for when they have a million parameters together.
    """
    if sum(model.count_params() for model in _built) >= PARAMETERS_WORTH_A_LOOK:
        gc.collect()
        _built.clear()  # what is left is somebody's


def will_be_earlier(model: keras.Model) -> None:
    """Remembers a model, without holding it, for the next fit of this process."""
    _built.add(model)
