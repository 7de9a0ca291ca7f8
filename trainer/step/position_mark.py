"""How far a call to the devices has come, for threads that watch it."""

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

_NOTHING_YET = -1


class PositionMark:
    """One number on the CPU: twice the finished steps, plus one once the next has its data.

    Written within the traced step, which costs microseconds, and read from outside of it.
    """

    def __init__(self) -> None:
        with tf.device("/cpu:0"):
            self._number = tf.Variable(_NOTHING_YET, trainable=False, dtype=tf.int64)

    @contextlib.contextmanager
    def waiting_for_data(self, step: tf.Tensor) -> Iterator[None]:
        """What is traced within it asks for the data of the step after so many."""
        with tf.control_dependencies([self._number.assign(2 * step, read_value=False)]):
            yield

    def has_data(self, step: tf.Tensor, parts: Any) -> None:
        """The data are there; traced."""
        tensors = tf.nest.flatten(parts, expand_composites=True)
        with tf.control_dependencies([each for each in tensors if each is not None]):
            self._number.assign(2 * step + 1, read_value=False)

    def read(self) -> tuple[int, bool] | None:
        """Finished steps, and whether the next one waits for data; None before any."""
        number = int(self._number.numpy())
        return None if number == _NOTHING_YET else (number // 2, number % 2 == 0)
