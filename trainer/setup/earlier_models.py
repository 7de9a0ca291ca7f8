"""Frees the models of earlier fits before another one takes memory."""

import gc
from weakref import WeakSet

import keras

_built: WeakSet[keras.Model] = WeakSet()


def free_earlier_models() -> None:
    """Frees those models that nobody holds but they themselves.

    A Keras model and its layers refer to each other, so that it waits for Python's
    garbage collection, which counts objects and not gigabytes: of many fits in one process
    some twenty models, with optimizers and traces, would be there at a time.
    """
    if _built:
        gc.collect()
        _built.clear()  # what is left is somebody's


def will_be_earlier(model: keras.Model) -> None:
    """Remembers a model, without holding it, for the next fit of this process."""
    _built.add(model)
