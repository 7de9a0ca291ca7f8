from typing import Any

import numpy as np
import tensorflow as tf
from helpers import replicas
from keraunos.strategies import gather_rows


def on_replicas(count: int, function: Any) -> list[Any]:
    strategy = replicas(count)

    def numbered() -> Any:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return function(int(tf.get_static_value(replica)))

    run = tf.function(lambda: strategy.run(numbered), autograph=False)
    return strategy.experimental_local_results(run())


def test_each_replica_gets_all_rows_and_the_gradient_of_its_own() -> None:
    """Replica 0 has one row, replica 1 none, replica 2 two."""
    parts = [np.array([[1.0]]), np.zeros((0, 1)), np.array([[2.0], [3.0]])]

    def on_replica(number: int) -> Any:
        own = tf.constant(parts[number])
        with tf.GradientTape() as tape:
            tape.watch(own)
            rows = gather_rows(own)
            total = (number + 1.0) * tf.reduce_sum(rows**2)
        return rows, tape.gradient(total, own)

    for number, (rows, gradient) in enumerate(on_replicas(3, on_replica)):
        np.testing.assert_array_equal(rows, [[1.0], [2.0], [3.0]])
        # Of 1, 2 and 3 times the sum of squares, on the three replicas.
        np.testing.assert_array_equal(gradient, (1 + 2 + 3) * 2 * parts[number])


def test_integers_without_a_gradient_are_gathered_too() -> None:
    for rows in on_replicas(2, lambda number: gather_rows(tf.fill((number + 1,), number))):
        assert rows.numpy().tolist() == [0, 1, 1]


def test_gather_outside_replicas_returns_its_input() -> None:
    own = tf.zeros((3,))
    assert gather_rows(own) is own
