"""Sums over replicas, in cross-replica context."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def sum_over_replicas(strategy: tf.distribute.Strategy, values: Any) -> Any:
    """Adds up small tensors, such as counts, over all replicas.

    Args:
        strategy: In whose scope this is called.
        values: A structure of per-replica tensors.

    Returns:
        The same structure of tensors.
    """
    return tf.nest.map_structure(
        lambda value: strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None),
        values,
    )


def sum_gradients(
    strategy: tf.distribute.Strategy,
    gradients: Sequence[Any],
    variables: Sequence[tf.Variable],
) -> list[Any]:
    """Adds up gradients over all replicas in few, large transfers.

    Args:
        strategy: In whose scope this is called.
        gradients: Per-replica tensors, or None where a variable has no gradient.
        variables: One for each gradient.

    Returns:
        The sums, None where there was no gradient.
    """
    pairs = [
        (gradient, variable)
        for gradient, variable in zip(gradients, variables, strict=True)
        if not _is_none(gradient)
    ]
    sums = strategy.extended.batch_reduce_to(tf.distribute.ReduceOp.SUM, pairs)
    # Every replica holds the same sum now: go on with the first one's.
    firsts = iter([strategy.experimental_local_results(each)[0] for each in sums])
    return [None if _is_none(gradient) else next(firsts) for gradient in gradients]


def _is_none(gradient: Any) -> bool:
    """A gradient that no replica has: None, or a bundle of Nones."""
    return gradient is None or (
        isinstance(gradient, tf.distribute.DistributedValues)
        and all(value is None for value in gradient.values)
    )
