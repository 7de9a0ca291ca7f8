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
    parts = [None if _is_none(each) else _local(strategy, each) for each in gradients]
    is_dense = [each is not None and not _is_sparse(each) for each in parts]
    dense = [
        (gradient, variable)
        for gradient, variable, wanted in zip(gradients, variables, is_dense, strict=True)
        if wanted
    ]
    sums = strategy.extended.batch_reduce_to(tf.distribute.ReduceOp.SUM, dense)
    # Every replica holds the same sum now: go on with the first one's.
    firsts = iter([_local(strategy, each)[0] for each in sums])
    return [
        next(firsts) if wanted else _sum_sparse(each)
        for each, wanted in zip(parts, is_dense, strict=True)
    ]


def _local(strategy: tf.distribute.Strategy, value: Any) -> Sequence[Any]:
    return strategy.experimental_local_results(value)


def _is_sparse(parts: Sequence[Any]) -> bool:
    return any(isinstance(part, tf.IndexedSlices) for part in parts)


def _sum_sparse(parts: Sequence[tf.IndexedSlices] | None) -> tf.IndexedSlices | None:
    """Puts the rows of all replicas together.

    TensorFlow's collective gather can't: within one call of a `tf.function` it keeps the
    number of rows of its first use.
    """
    if parts is None:
        return None
    return tf.IndexedSlices(
        tf.concat([part.values for part in parts], 0),
        tf.concat([part.indices for part in parts], 0),
        parts[0].dense_shape,
    )


def _is_none(gradient: Any) -> bool:
    """A gradient that no replica has: None, or a bundle of Nones."""
    return gradient is None or (
        isinstance(gradient, tf.distribute.DistributedValues)
        and all(value is None for value in gradient.values)
    )
