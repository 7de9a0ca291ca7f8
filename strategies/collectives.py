"""Sums over replicas, in cross-replica context."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from .replicas import Replicas


def sum_over_replicas(strategy: tf.distribute.Strategy, values: Any) -> Any:
    """Adds up counts, losses and gradients over all replicas, in one transfer.

    Args:
        strategy: In whose scope this is called.
        values: A structure of per-replica tensors, or None where there is none, such
            as for a variable without a gradient.

    Returns:
        The same structure of tensors.
    """
    flat = [_dense_between_workers(strategy, each) for each in tf.nest.flatten(values)]
    parts = [None if _is_none(each) else _local(strategy, each) for each in flat]
    is_dense = [each is not None and not _is_sparse(each) for each in parts]
    sums = [
        _sum_sparse(each) if not dense else None
        for each, dense in zip(parts, is_dense, strict=True)
    ]
    for dtype in {p[0].dtype for p, dense in zip(parts, is_dense, strict=True) if dense}:
        places = [n for n, p in enumerate(parts) if is_dense[n] and p[0].dtype == dtype]
        pairs = [(flat[n], flat[n]) for n in places]
        added = strategy.extended.batch_reduce_to(tf.distribute.ReduceOp.SUM, pairs)
        for place, each in zip(places, added, strict=True):
            # Every replica holds the same sum now: go on with the first one's.
            sums[place] = _local(strategy, each)[0]
    return tf.nest.pack_sequence_as(values, sums)


def _dense_between_workers(strategy: tf.distribute.Strategy, value: Any) -> Any:
    """Gives gradients of embeddings all their rows, where rows would have to travel."""
    replicas = Replicas.of(strategy)
    if replicas.total == replicas.local or _is_none(value):
        return value
    if not _is_sparse(_local(strategy, value)):
        return value
    return strategy.run(tf.convert_to_tensor, args=(value,))


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
