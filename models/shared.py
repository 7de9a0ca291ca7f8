"""Shares frozen networks between the models of a process."""

import gc
import hashlib
import random
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


class SharedNetworks:
    """Creates each frozen network once for all models of a process.

    This saves several seconds per trial of a search. A network that has been unfrozen is
    not reused. After `get`, random generators are in the same state whether the network was
    created or reused.

    Example:
        >>> shared = SharedNetworks()
        >>> shared.get("a", lambda: 1), shared.get("a", lambda: 2)
        (1, 1)
    """

    def __init__(self) -> None:
        self._made: dict[Any, tuple[Any, Any, Any]] = {}

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        """Returns the network of a key, for the current precision, seed and strategy.

        Args:
            key: Identifies the network.
            make: Creates it.
        """
        strategy = tf.distribute.get_strategy()
        drawn = hashlib.sha256(repr(random.getstate()).encode()).digest()
        policy = keras.config.dtype_policy().name
        place = (key, policy, drawn, id(strategy))
        if place in self._made and _has_trained(self._made[place][0]):
            del self._made[place]
            gc.unfreeze()  # a search may have frozen the garbage collector's objects
        if place not in self._made:
            # Keeping the strategy prevents its id from being reused.
            self._made[place] = (make(), random.getstate(), strategy)
        network, state, _ = self._made[place]
        random.setstate(state)
        return network


def _has_trained(made: Any) -> bool:
    """Returns whether a network, or one in a tuple, has trainable variables."""
    if isinstance(made, tuple):
        return any(map(_has_trained, made))
    return isinstance(made, keras.Layer) and bool(made.trainable_variables)
