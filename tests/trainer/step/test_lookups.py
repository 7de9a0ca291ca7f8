"""Which lookups have entries of their own on each replica."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keraunos.strategies import SharedSlices
from keraunos.trainer.step.lookups import joined, with_lookups_apart

Indices = Callable[[tf.Tensor], Any]


def range_like(words: tf.Tensor) -> tf.Tensor:
    return tf.range(tf.shape(words)[1])


def of_unknown_shape(words: tf.Tensor) -> tf.Tensor:
    indices = tf.numpy_function(lambda: np.array([3, 1]), [], tf.int64)
    indices.set_shape((2,))
    return indices


SHARED: dict[str, Indices] = {
    "constants": lambda words: tf.constant([[0, 2, 1], [1, 2, 0]]),
    "a range as long as the rows": range_like,
    "a row of a range": lambda words: range_like(words)[None],
    "indices sized by Python": of_unknown_shape,
}
OWN: dict[str, Indices] = {
    "tokens": lambda words: words,
    "the first token of each row": lambda words: words[:, 0],
    "a range for each row": lambda words: tf.broadcast_to(
        range_like(words), tf.shape(words)
    ),
    "tokens that are not padding": lambda words: tf.boolean_mask(words, words > 0),
    "the number of each row": lambda words: tf.range(tf.shape(words)[0]),
}


def parts_of(*lookups: Indices) -> list[Any]:
    """A traced gradient of a table in which all of these are looked up."""
    table = tf.Variable(tf.ones((5, 2)))
    parts: list[Any] = []

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.int32)], autograph=False)
    def trace(words: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            found = [tf.reduce_sum(tf.gather(table, each(words))) for each in lookups]
            total = tf.add_n([(n + 1.0) * each for n, each in enumerate(found)])
        gradient = tape.gradient(total, table)
        parts[:] = with_lookups_apart(gradient, {"words": words})
        return gradient, *joined([parts])

    whole, together = trace(tf.constant([[1, 2, 0], [2, 4, 4]]))
    tf.debugging.assert_equal(whole.values, together.values)
    tf.debugging.assert_equal(whole.indices, together.indices)
    return parts


@pytest.mark.parametrize("name", SHARED)
def test_lookups_independent_of_the_rows_are_shared(name: str) -> None:
    (part,) = parts_of(SHARED[name])
    assert isinstance(part, SharedSlices)


@pytest.mark.parametrize("name", OWN)
def test_lookups_of_each_row_are_not_shared(name: str) -> None:
    (part,) = parts_of(OWN[name])
    assert not isinstance(part, SharedSlices)


def test_each_lookup_in_a_table_is_classified_separately() -> None:
    kinds = [type(part) for part in parts_of(OWN["tokens"], range_like, OWN["tokens"])]
    assert kinds == [tf.IndexedSlices, SharedSlices, tf.IndexedSlices]


def test_dense_gradients_are_unchanged() -> None:
    dense = tf.ones((2, 3))
    assert with_lookups_apart(dense, ()) is dense
    assert with_lookups_apart(None, ()) is None
    assert joined([dense, None]) == [dense, None]
