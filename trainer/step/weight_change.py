"""How far a step moves the weights, as a part of their length."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ...strategies.tensorflow_internals import traced

# Of a larger variable every n-th weight stands for all: what is copied and compared then
# costs almost nothing, and the lengths are right to some percent.
MOST_COMPARED = 2**16


class WeightChange:
    """Compares weights before and after a step, on the first device.

    Args:
        strategy: Where they live.
        variables: What trains.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, variables: Sequence[tf.Variable]
    ) -> None:
        self._own = [
            strategy.experimental_local_results(variable)[0] for variable in variables
        ]
        self._strides = [stride(variable.shape.num_elements()) for variable in self._own]

    @traced
    def before(self) -> list[tf.Tensor]:
        """A copy of the weights as they are."""
        return [tf.raw_ops.DeepCopy(x=each) for each in self._compared()]

    def lengths(self, before: list[tf.Tensor]) -> npt.NDArray[np.float64]:
        """How long the way of each variable was since then, and how long it was itself.

        Returns:
            Of shape `(2, variables)`.
        """
        squares = self._half_squares(before).numpy().astype(np.float64)
        return np.sqrt(2.0 * squares * self._strides)

    @traced
    def _half_squares(self, before: list[tf.Tensor]) -> tf.Tensor:
        pairs = list(zip(self._compared(), before, strict=True))
        ways = [_half_square(now - then) for now, then in pairs]
        return tf.stack([tf.stack(ways), tf.stack([_half_square(b) for b in before])])

    def _compared(self) -> list[tf.Tensor]:
        pairs = zip(self._own, self._strides, strict=True)
        return [tf.reshape(variable, [-1])[::step] for variable, step in pairs]


def stride(size: int) -> int:
    """How far apart the weights are that are compared.

    It is odd, so that it goes through all units of a layer that has an even number.

    Example:
        >>> stride(2**16), stride(2**16 + 1), stride(10 * 2**16)
        (1, 3, 11)
    """
    least = -(-size // MOST_COMPARED)
    return max(least + (least + 1) % 2, 1)


def _half_square(tensor: tf.Tensor) -> tf.Tensor:
    return tf.nn.l2_loss(tf.cast(tensor, tf.float32))
