"""Sums over replicas, in cross-replica context."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from .replicas import Replicas


class SharedSlices(tf.IndexedSlices):
    """Rows of a sparse gradient that all replicas have alike.

    Where a replica has a row of the same index at the same place as another, they are
    parts of one row and are added up. Rows of plain `tf.IndexedSlices` are put together.
    """


def sum_over_replicas(
    strategy: tf.distribute.Strategy, values: Any, repeats: Any = 1
) -> Any:
    """Adds up counts, losses and gradients over all replicas, in one transfer.

    Args:
        strategy: In whose scope this is called.
        values: A structure of per-replica tensors, or None where there is none, such
            as for a variable without a gradient.
        repeats: Scalar int32, as of `Part`; may be per replica. Above 1 all replicas
            have the same rows, so that all their sparse gradients are shared.

    Returns:
        The same structure of tensors.
    """
    repeats = _local(strategy, repeats)[0]
    flat = [_dense_between_workers(strategy, each) for each in tf.nest.flatten(values)]
    sums: list[Any] = [None] * len(flat)
    dense: dict[tf.DType, list[int]] = {}  # places by dtype: only one travels at a time
    for place, value in enumerate(flat):
        if _is_none(value):
            continue
        parts = _local(strategy, value)
        if _is_sparse(parts):
            sums[place] = _sum_sparse(parts, repeats)
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


def _sum_sparse(parts: Sequence[tf.IndexedSlices], repeats: Any) -> tf.IndexedSlices:
    """Puts the rows of all replicas together, and adds up those that are shared.

    TensorFlow's collective gather can't: within one call of a `tf.function` it keeps the
    number of rows of its first use.
    """
    if len(parts) == 1:
        return tf.IndexedSlices(parts[0].values, parts[0].indices, parts[0].dense_shape)
    values = tf.concat([part.values for part in parts], 0)
    indices = tf.concat([part.indices for part in parts], 0)
    places = tf.concat([tf.range(tf.size(part.indices)) for part in parts], 0)

    def added() -> tuple[tf.Tensor, tf.Tensor]:
        return _added(values, indices, places, parts[0].dense_shape)

    if isinstance(parts[0], SharedSlices):
        values, indices = added()
    else:
        values, indices = tf.cond(repeats > 1, added, lambda: (values, indices))
    return tf.IndexedSlices(values, indices, parts[0].dense_shape)


def _added(
    values: tf.Tensor, indices: tf.Tensor, places: tf.Tensor, dense_shape: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Adds up rows of the same place and index."""
    num_rows = tf.cast(dense_shape[0], tf.int64)
    keys = tf.cast(places, tf.int64) * num_rows + tf.cast(indices, tf.int64)
    different, segments = tf.unique(keys)
    sums = tf.math.unsorted_segment_sum(values, segments, tf.size(different))
    return sums, tf.cast(different % num_rows, indices.dtype)


def _is_none(gradient: Any) -> bool:
    """A gradient that no replica has: None, or a bundle of Nones."""
    return gradient is None or (
        isinstance(gradient, tf.distribute.DistributedValues)
        and all(value is None for value in gradient.values)
    )
