"""Measures how far a step moves the weights."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ...strategies.tensorflow_internals import tensors_only, traced

# Of a larger variable, only every n-th weight is copied and compared. This takes almost no
# time, and norms are accurate to a few percent.
MAX_COMPARED = 2**16


class WeightChange:
    """Compares weights before and after a step, on the first device.

    Args:
        strategy: The strategy of the model.
        variables: The trainable variables.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, variables: Sequence[tf.Variable]
    ) -> None:
        self._own = [
            strategy.experimental_local_results(variable)[0] for variable in variables
        ]
        self._strides = [stride(variable.shape.num_elements()) for variable in self._own]

    def before(self) -> list[tf.Tensor]:
        """Copies the current weights."""
        return self._copy()

    def lengths(self, before: list[tf.Tensor]) -> npt.NDArray[np.float64]:
        """Computes the norms of the changes since `before`, and of the weights in it.

        Returns:
            The two norms of each variable, `(2, variables)`.
        """
        squares = self._compare(*before).numpy().astype(np.float64)
        return np.sqrt(2.0 * squares * self._strides)

    @cached_property
    def _copy(self) -> Callable[[], list[tf.Tensor]]:
        return tensors_only(self._copies.get_concrete_function())

    @cached_property
    def _compare(self) -> Callable[..., tf.Tensor]:
        return tensors_only(self._half_squares.get_concrete_function(self._copy()))

    @traced
    def _copies(self) -> list[tf.Tensor]:
        return [tf.raw_ops.DeepCopy(x=each) for each in self._sampled_weights()]

    @traced
    def _half_squares(self, before: list[tf.Tensor]) -> tf.Tensor:
        pairs = list(zip(self._sampled_weights(), before, strict=True))
        changes = [_half_square(now - then) for now, then in pairs]
        return tf.stack([tf.stack(changes), tf.stack([_half_square(b) for b in before])])

    def _sampled_weights(self) -> list[tf.Tensor]:
        pairs = zip(self._own, self._strides, strict=True)
        return [tf.reshape(variable, [-1])[::step] for variable, step in pairs]


def stride(size: int) -> int:
    """Returns the stride between compared weights.

    It is odd, so that it covers all units of a layer with an even number of units.

    Example:
        >>> stride(2**16), stride(2**16 + 1), stride(10 * 2**16)
        (1, 3, 11)
    """
    least = -(-size // MAX_COMPARED)
    return max(least + (least + 1) % 2, 1)


def _half_square(tensor: tf.Tensor) -> tf.Tensor:
    return tf.nn.l2_loss(tf.cast(tensor, tf.float32))
