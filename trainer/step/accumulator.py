"""Accumulates gradients over several batches."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ...core.bundle import Arrays

Gradients = Mapping[str, Sequence[Any]]


def combine(gradients: Gradients, denominators: Mapping[str, tf.Tensor]) -> list[Any]:
    """Divides gradients by their denominators and adds them up.

    Args:
        gradients: Gradients per variable, or None, summed over replicas; by divisor.
        denominators: Denominators summed over replicas, by divisor.

    Returns:
        The gradient of each variable, or None.
    """
    parts = [
        [_divide(gradient, denominators[divisor]) for gradient in each]
        for divisor, each in gradients.items()
    ]
    return [_add(column) for column in zip(*parts, strict=True)]


class Accumulator:
    """Sums gradients and denominators over several batches.

    Dividing the sums gives the gradient of one large batch, even for batches of different
    sizes. Each device keeps its own sums, so that `add` and `take` are called for each.

    Args:
        strategy: The strategy in whose scope variables are created.
        variables: The trainable variables.
        steps: Number of batches to accumulate.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        variables: Sequence[tf.Variable],
        steps: int,
    ) -> None:
        self._strategy = strategy
        self._variables = variables
        self._steps = steps
        self._sums: dict[str, list[tf.Variable]] = {}
        self._denominators: dict[str, tf.Variable] = {}
        self._missing = set(range(len(variables)))
        with strategy.scope():
            self.count = tf.Variable(0, dtype=tf.int64, trainable=False)

    def add(self, gradients: Gradients, denominators: Mapping[str, tf.Tensor]) -> None:
        """Adds a batch."""
        self._missing &= _without_gradient(gradients)
        for divisor, each in gradients.items():
            self._make_variables(divisor, denominators[divisor].dtype)
            self._denominators[divisor].assign_add(denominators[divisor])
            for total, gradient in zip(self._sums[divisor], each, strict=True):
                if gradient is not None:
                    total.assign_add(tf.convert_to_tensor(gradient))
        self.count.assign_add(1)

    def is_full(self) -> tf.Tensor:
        """Returns whether `steps` batches have been added: scalar bool."""
        return self.count >= self._steps

    def take(self) -> list[Any]:
        """Returns the gradient of all added batches, and resets the sums."""
        gradients = combine(self._sums, self._denominators)
        with tf.control_dependencies(gradients):
            for _, variable in self._variables_by_name():
                variable.assign(tf.zeros_like(variable))
        return [None if n in self._missing else g for n, g in enumerate(gradients)]

    def values(self) -> Arrays:
        """Copies the sums, for a checkpoint within an epoch."""
        return {name: np.array(each.numpy()) for name, each in self._variables_by_name()}

    def restore(self, values: Arrays) -> None:
        """Restores the result of `values`."""
        for name, value in values.items():
            divisor, _, kind = name.partition("/")
            if kind == "denominator":
                self._make_variables(divisor, tf.as_dtype(value.dtype))
        for name, variable in self._variables_by_name():
            variable.assign(values[name])

    def _variables_by_name(self) -> Iterator[tuple[str, tf.Variable]]:
        yield "count", self.count
        for divisor, sums in self._sums.items():
            yield f"{divisor}/denominator", self._denominators[divisor]
            for number, variable in enumerate(sums):
                yield f"{divisor}/{number:05d}", variable

    def _make_variables(self, divisor: str, dtype: tf.DType) -> None:
        if divisor in self._sums:
            return
        with tf.init_scope(), self._strategy.scope():
            self._denominators[divisor] = tf.Variable(tf.zeros((), dtype), trainable=False)
            self._sums[divisor] = [
                tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False)
                for variable in self._variables
            ]


def _without_gradient(gradients: Gradients) -> set[int]:
    columns = zip(*gradients.values(), strict=True)
    return {n for n, column in enumerate(columns) if all(g is None for g in column)}


def _divide(gradient: Any, denominator: tf.Tensor) -> Any:
    if gradient is None:
        return None
    if isinstance(gradient, tf.IndexedSlices):
        values = tf.math.divide_no_nan(
            gradient.values, tf.cast(denominator, gradient.dtype)
        )
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return tf.math.divide_no_nan(gradient, tf.cast(denominator, gradient.dtype))


def _add(gradients: Sequence[Any]) -> Any:
    present = [gradient for gradient in gradients if gradient is not None]
    if len(present) < 2:
        return present[0] if present else None
    return tf.add_n([tf.convert_to_tensor(gradient) for gradient in present])
