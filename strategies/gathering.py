"""Gathers the rows of all replicas on each of them, in replica context."""

from typing import Any

import tensorflow as tf


def gather_rows(rows: tf.Tensor) -> tf.Tensor:
    """Concatenates the rows of all replicas of this process, on each replica.

    The gradient of a row is summed over replicas and returned to the replica of the row.
    Replicas may have different numbers of rows, which TensorFlow's `all_gather` does not
    support within a call of a `tf.function`.

    Args:
        rows: The rows of the calling replica, `(rows, ...)`. All replicas must call this.

    Returns:
        The rows of all replicas in order, `(rows of all, ...)`.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return rows
    number = int(tf.get_static_value(context.replica_id_in_sync_group))

    @tf.custom_gradient
    def gathered(own: tf.Tensor) -> Any:
        joined, sizes = context.merge_call(_join, args=(own,))

        def gradient(upstream: Any) -> tf.Tensor:
            total = context.merge_call(_add, args=(tf.convert_to_tensor(upstream),))
            return tf.split(total, sizes)[number]

        return joined, gradient

    return gathered(rows)


def _join(strategy: tf.distribute.Strategy, rows: Any) -> tuple[tf.Tensor, list[tf.Tensor]]:
    parts = strategy.experimental_local_results(rows)
    return tf.concat(parts, 0), [tf.shape(part)[0] for part in parts]


def _add(strategy: tf.distribute.Strategy, values: Any) -> tf.Tensor:
    return tf.add_n(strategy.experimental_local_results(values))
