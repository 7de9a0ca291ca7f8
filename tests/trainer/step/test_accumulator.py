from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas
from keraunos.trainer.step.accumulator import Accumulator, combine


def constants(**values: float) -> dict[str, tf.Tensor]:
    return {name: tf.constant(value) for name, value in values.items()}


def rows_of(index: int, value: float) -> tf.IndexedSlices:
    """A sparse gradient of a variable with three rows of two."""
    shape = tf.constant([3, 2])
    return tf.IndexedSlices(tf.fill((1, 2), value), tf.constant([index]), shape)


def test_each_divisor_divides_its_own_part_of_a_gradient() -> None:
    gradients = {"rows": [tf.constant([6.0])], "one": [tf.constant([5.0])]}
    (combined,) = combine(gradients, constants(rows=3.0, one=1.0))
    assert combined.numpy().tolist() == [7.0]


def test_variable_used_by_some_losses_gets_only_their_gradient() -> None:
    gradients = {"rows": [tf.constant([6.0]), None], "one": [None, None]}
    first, second = combine(gradients, constants(rows=3.0, one=1.0))
    assert first.numpy().tolist() == [2.0]
    assert second is None


def test_a_sparse_gradient_stays_sparse_unless_a_dense_one_is_added() -> None:
    (alone,) = combine({"rows": [rows_of(1, 6.0)]}, constants(rows=3.0))
    assert isinstance(alone, tf.IndexedSlices)
    assert alone.values.numpy().tolist() == [[2.0, 2.0]]
    both = {"rows": [rows_of(1, 6.0)], "one": [tf.ones((3, 2))]}
    (added,) = combine(both, constants(rows=3.0, one=1.0))
    assert added.numpy().tolist() == [[1.0, 1.0], [3.0, 3.0], [1.0, 1.0]]


def test_half_precision_gradient_keeps_its_dtype() -> None:
    gradients = {"rows": [tf.constant([6.0], tf.float16)]}
    (combined,) = combine(gradients, constants(rows=3.0))
    assert combined.dtype == tf.float16


class Filled:
    """An accumulator over three batches for a dense, a sparse and an unused variable.

    Args:
        count: Number of replicas.
    """

    def __init__(self, count: int) -> None:
        strategy = replicas(count)
        with strategy.scope():
            variables = [tf.Variable(tf.zeros(s)) for s in ((2,), (3, 2), (1,))]
        self.accumulator = Accumulator(strategy, variables, 3)
        self._add = tf.function(self._add_batch, autograph=False)
        self.take = tf.function(self.accumulator.take, autograph=False)

    def _add_batch(self, value: tf.Tensor, index: tf.Tensor, rows: tf.Tensor) -> None:
        sparse = tf.IndexedSlices(
            tf.fill((1, 2), value), tf.reshape(index, (1,)), tf.constant([3, 2])
        )
        gradients = {"rows": [tf.fill((2,), value), sparse, None]}
        self.accumulator.add(gradients, {"rows": rows})

    def add(self, *batches: tuple[float, int, float]) -> None:
        """Adds batches: a value, the row of the sparse variable, and examples."""
        for value, index, rows in batches:
            self._add(tf.constant(value), tf.constant(index), tf.constant(rows))


@pytest.fixture(params=[1, 2])
def filled(request: pytest.FixtureRequest) -> Filled:
    return Filled(request.param)


def as_lists(gradients: Any) -> list[Any]:
    return [None if each is None else each.numpy().tolist() for each in gradients]


def test_ragged_batches_are_weighted_by_their_examples(filled: Filled) -> None:
    filled.add((8.0, 0, 8.0), (8.0, 2, 8.0), (3.0, 2, 3.0))
    dense, sparse, unused = as_lists(filled.take())
    assert dense == [1.0, 1.0]  # as of one batch of 19
    np.testing.assert_allclose(sparse, [[8 / 19] * 2, [0.0] * 2, [11 / 19] * 2])
    assert unused is None


def test_accumulator_is_full_after_its_batches_and_empty_after_take(filled: Filled) -> None:
    for batch in range(3):
        assert not filled.accumulator.is_full()
        filled.add((float(batch), 0, 4.0))
    assert filled.accumulator.is_full()
    filled.take()
    assert not filled.accumulator.values()["count"]
    filled.add((6.0, 1, 2.0))
    assert as_lists(filled.take()) == [[3.0, 3.0], [[0.0] * 2, [3.0] * 2, [0.0] * 2], None]


def test_accumulated_gradients_can_be_saved_and_restored(filled: Filled) -> None:
    filled.add((8.0, 0, 8.0), (3.0, 2, 3.0))
    values = filled.accumulator.values()
    filled.add((5.0, 1, 5.0))
    expected = as_lists(filled.take())

    other = Filled(2)
    other.accumulator.restore(values)
    other.add((5.0, 1, 5.0))
    assert other.accumulator.is_full()
    assert as_lists(other.take()) == expected


def test_empty_accumulator_holds_only_the_count(filled: Filled) -> None:
    values = filled.accumulator.values()
    assert set(values) == {"count"}
    assert int(values["count"]) == 0
