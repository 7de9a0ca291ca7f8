"""Sums of sparse gradients; the tests of replicas cover all others."""

from collections.abc import Sequence
from typing import Any

import pytest
import tensorflow as tf
from helpers import replicas
from keraunos.strategies import SharedSlices, sum_over_replicas

Rows = list[tuple[int, float]]


def added(kind: type[tf.IndexedSlices], parts: Sequence[Rows], repeats: int = 1) -> Rows:
    """Indices and values of the sum of the rows of all replicas."""
    strategy = replicas(len(parts))

    def on_replica() -> Any:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        indices, values = zip(*parts[int(tf.get_static_value(replica))], strict=True)
        columns = tf.stack([tf.constant(values)] * 2, axis=1)
        return kind(columns, tf.constant(indices), tf.constant([9, 2]))

    @tf.function(autograph=False)
    def run() -> Any:
        return sum_over_replicas(
            strategy, [strategy.run(on_replica)], tf.constant(repeats)
        )[0]

    result = run()
    assert result.values.shape[1] == 2
    values = [float(row[0]) for row in result.values]
    return list(zip(result.indices.numpy().tolist(), values, strict=True))


def test_sparse_rows_of_all_replicas_are_concatenated() -> None:
    parts = [[(3, 1.0), (1, 2.0)], [(3, 4.0)]]
    assert added(tf.IndexedSlices, parts) == [(3, 1.0), (1, 2.0), (3, 4.0)]


def test_shared_rows_are_summed_where_position_and_index_match() -> None:
    parts = [[(0, 1.0), (1, 2.0), (1, 3.0)], [(0, 10.0), (1, 20.0), (1, 30.0)]]
    assert added(SharedSlices, parts) == [(0, 11.0), (1, 22.0), (1, 33.0)]


def test_shared_rows_with_different_indices_or_counts_stay_separate() -> None:
    """As when each replica draws indices, or pads sequences to its own longest one."""
    parts = [[(5, 1.0), (1, 2.0)], [(6, 10.0), (1, 20.0), (2, 30.0)]]
    expected = [(5, 1.0), (1, 22.0), (6, 10.0), (2, 30.0)]
    assert added(SharedSlices, parts) == expected


@pytest.mark.parametrize("kind", [tf.IndexedSlices, SharedSlices])
def test_all_rows_are_shared_when_replicas_have_the_same_examples(
    kind: type[tf.IndexedSlices],
) -> None:
    parts = [[(7, 1.0), (7, 2.0)]] * 2
    assert added(kind, parts, repeats=2) == [(7, 2.0), (7, 4.0)]
