"""Frozen networks that the models of one process have in common."""

import gc
import hashlib
import random
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


class SharedNetworks:
    """Makes each frozen network once, for all models that are built after each other.

    That saves the trials of a search seconds each. One that was unfrozen since is not
    handed out again. What is drawn at random after one was handed out is what would be
    drawn had it been made.

    Example:
        >>> shared = SharedNetworks()
        >>> shared.get("a", lambda: 1), shared.get("a", lambda: 2)
        (1, 1)
    """

    def __init__(self) -> None:
        self._made: dict[Any, tuple[Any, Any, Any]] = {}

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        """The network of that key, precision, seed and strategy."""
        strategy = tf.distribute.get_strategy()
        drawn = hashlib.sha256(repr(random.getstate()).encode()).digest()
        policy = keras.config.dtype_policy().name
        place = (key, policy, drawn, id(strategy))
        if place in self._made and _has_trained(self._made[place][0]):
            del self._made[place]
            gc.unfreeze()  # a search may have put it beyond the reach of the next look
        if place not in self._made:
            # The strategy is kept so that no other one gets its id.
            self._made[place] = (make(), random.getstate(), strategy)
        network, state, _ = self._made[place]
        random.setstate(state)
        return network


def _has_trained(made: Any) -> bool:
    """Whether a network, or one among the parts of what was made, trains by now."""
    if isinstance(made, tuple):
        return any(map(_has_trained, made))
    return isinstance(made, keras.Layer) and bool(made.trainable_variables)
