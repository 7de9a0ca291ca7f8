"""Records the progress of a call to the devices for other threads."""

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

_NO_STEP = -1


class PositionMark:
    """Records finished steps in a variable that other threads can read.

    The variable, on the CPU, is twice the number of finished steps, plus one once the next
    step has its data. The traced step writes it, which takes microseconds.
    """

    def __init__(self) -> None:
        with tf.device("/cpu:0"):
            self._number = tf.Variable(_NO_STEP, trainable=False, dtype=tf.int64)

    def begin(self, steps: tf.Tensor) -> None:
        """Records the number of finished steps before the first of a call; traced.

        Args:
            steps: Number of finished steps, scalar int64.
        """
        self._number.assign(2 * steps - 1, read_value=False)

    @contextlib.contextmanager
    def waiting_for_data(self) -> Iterator[None]:
        """Records that operations traced in this context wait for the data of a step."""
        with tf.control_dependencies([self._number.assign_add(1, read_value=False)]):
            yield

    def has_data(self, parts: Any) -> None:
        """Records that the data of this step has arrived; traced."""
        tensors = tf.nest.flatten(parts, expand_composites=True)
        with tf.control_dependencies([each for each in tensors if each is not None]):
            self._number.assign_add(1, read_value=False)

    def read(self) -> tuple[int, bool] | None:
        """Returns the number of finished steps, and whether the next one waits for data.

        None before the first step.
        """
        number = int(self._number.numpy())
        return None if number == _NO_STEP else (number // 2, number % 2 == 0)
