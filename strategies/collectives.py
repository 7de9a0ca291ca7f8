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
    sums: list[Any] = [None] * len(flat)
    dense: dict[tf.DType, list[int]] = {}  # places by dtype: only one travels at a time
    for place, value in enumerate(flat):
        if _is_none(value):
            continue
        parts = _local(strategy, value)
        if _is_sparse(parts):
            sums[place] = _sum_sparse(parts)
        else:
            dense.setdefault(parts[0].dtype, []).append(place)
    for places in dense.values():
        pairs = [(flat[place], flat[place]) for place in places]
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


def _sum_sparse(parts: Sequence[tf.IndexedSlices]) -> tf.IndexedSlices:
    """Puts the rows of all replicas together.

    TensorFlow's collective gather can't: within one call of a `tf.function` it keeps the
    number of rows of its first use.
    """
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
