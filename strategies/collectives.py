"""Sums over replicas, in cross-replica context."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import tensorflow as tf

from .replicas import Replicas

SMALL = 2**14  # tensors up to this number of elements are transferred together


class SharedSlices(tf.IndexedSlices):
    """Rows of a sparse gradient that all replicas share.

    Rows of different replicas with the same index at the same position are added. Rows of
    plain `tf.IndexedSlices` are concatenated.
    """


def gathers_between_workers(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether TensorFlow gathers sparse gradients between workers.

    Within one call of a `tf.function`, its gather keeps the number of rows of its first
    use, so that a call must not sum twice.
    """
    replicas = Replicas.of(strategy)
    return replicas.total > replicas.local


def first_device(strategy: tf.distribute.Strategy) -> AbstractContextManager[Any]:
    """Returns the context of the first device, where sums over replicas are stored."""
    if strategy.num_replicas_in_sync == 1:
        return strategy.scope()
    return tf.device(strategy.extended.worker_devices[0])


def sum_over_replicas(
    strategy: tf.distribute.Strategy, values: Any, repeats: Any = 1
) -> Any:
    """Sums counts, losses and gradients over all replicas.

    Tensors of the same dtype are transferred together; between CPU devices, which share
    memory, only small ones.

    Args:
        strategy: The strategy in whose scope this is called.
        values: A structure of per-replica tensors; None for a missing tensor, such as that
            of a variable without a gradient.
        repeats: See `Part`: scalar int32, may be per replica. Above 1, all replicas have
            the same rows, so that all sparse gradients are shared.

    Returns:
        The same structure with the sums on the first device.
    """
    return sums_on_devices(strategy, values, repeats)[0]


def sums_on_devices(
    strategy: tf.distribute.Strategy, values: Any, repeats: Any = 1
) -> list[Any]:
    """Sums as `sum_over_replicas` does, with a result on each device of this process.

    Nothing has to be sent from the first device to the others.

    Returns:
        The structure of sums on each device; all have the same values.
    """
    repeats = _local(strategy, repeats)[0]
    flat = tf.nest.flatten(values)
    num_devices = Replicas.of(strategy).local
    sums: list[list[Any]] = [[None] * len(flat) for _ in range(num_devices)]
    dense: dict[tf.DType, list[int]] = {}  # indices by dtype, summed together
    for place, value in enumerate(flat):
        if _is_none(value):
            continue
        first = _local(strategy, value)[0]
        if isinstance(first, tf.IndexedSlices):
            added = _sum_sparse(strategy, value, repeats)
            for own in sums:
                own[place] = added
        else:
            dense.setdefault(first.dtype, []).append(place)
    for places in dense.values():
        columns = _sum_dense(strategy, [flat[place] for place in places])
        for place, column in zip(places, columns, strict=True):
            for own, each in zip(sums, column, strict=True):
                own[place] = each
    return [tf.nest.pack_sequence_as(values, own) for own in sums]


def _sum_dense(
    strategy: tf.distribute.Strategy, values: Sequence[Any]
) -> list[Sequence[tf.Tensor]]:
    """Returns the sum of each value on each device."""
    columns = [_local(strategy, value) for value in values]
    if strategy.num_replicas_in_sync == 1:
        return columns
    if _share_memory(strategy):  # faster than a collective
        return _sum_in_memory(strategy.extended.worker_devices, columns)
    pairs = [(value, value) for value in values]
    added = strategy.extended.batch_reduce_to(tf.distribute.ReduceOp.SUM, pairs)
    return [_local(strategy, each) for each in added]


def _sum_in_memory(
    devices: Sequence[str], columns: Sequence[Sequence[tf.Tensor]]
) -> list[Sequence[tf.Tensor]]:
    """Sums on the first device; small tensors are transferred together."""
    sizes = [column[0].shape.num_elements() or SMALL + 1 for column in columns]
    small = [number for number, size in enumerate(sizes) if size <= SMALL]
    with tf.device(devices[0]):
        large = [n for n in range(len(columns)) if n not in small]
        sums: dict[int, Sequence[tf.Tensor]] = {
            n: [tf.add_n(columns[n])] * len(devices) for n in large
        }
    if small:
        shared = _sum_as_one(devices, [columns[number] for number in small])
        sums.update(zip(small, shared, strict=True))
    return [sums[number] for number in range(len(columns))]


def _sum_as_one(
    devices: Sequence[str], columns: Sequence[Sequence[tf.Tensor]]
) -> list[Sequence[tf.Tensor]]:
    shapes = [column[0].shape for column in columns]
    vectors, sums = [], []
    for device, tensors in zip(devices, zip(*columns, strict=True), strict=True):
        with tf.device(device):
            vectors.append(tf.concat([tf.reshape(each, [-1]) for each in tensors], 0))
    with tf.device(devices[0]):
        total = tf.add_n(vectors)
    for device in devices:
        with tf.device(device):
            parts = tf.split(total, [shape.num_elements() for shape in shapes])
            pairs = zip(parts, shapes, strict=True)
            sums.append([tf.reshape(part, shape) for part, shape in pairs])
    return list(zip(*sums, strict=True))


def _share_memory(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether all replicas run on CPU devices of this process."""
    devices = map(tf.DeviceSpec.from_string, strategy.extended.worker_devices)
    return not gathers_between_workers(strategy) and all(
        device.device_type == "CPU" for device in devices
    )


def _local(strategy: tf.distribute.Strategy, value: Any) -> Sequence[Any]:
    return strategy.experimental_local_results(value)


def _sum_sparse(
    strategy: tf.distribute.Strategy, gradient: Any, repeats: Any
) -> tf.IndexedSlices:
    """Concatenates the rows of all replicas, and sums those that are shared."""
    first = _local(strategy, gradient)[0]
    if strategy.num_replicas_in_sync == 1:
        return tf.IndexedSlices(first.values, first.indices, first.dense_shape)
    values, indices, places = _rows_of_all_replicas(strategy, gradient)

    def added() -> tuple[tf.Tensor, tf.Tensor]:
        return _sum_duplicate_rows(values, indices, places, first.dense_shape)

    if isinstance(first, SharedSlices):
        values, indices = added()
    else:
        values, indices = tf.cond(tf.greater(repeats, 1), added, lambda: (values, indices))
    return tf.IndexedSlices(values, indices, first.dense_shape)


def _rows_of_all_replicas(
    strategy: tf.distribute.Strategy, gradient: Any
) -> list[tf.Tensor]:
    """Returns the rows of all replicas, their indices, and positions on their replica."""

    def own(rows: tf.IndexedSlices) -> tuple[tf.Tensor, ...]:
        return rows.values, rows.indices, tf.range(tf.size(rows.indices))

    parts = strategy.run(own, args=(gradient,))
    if gathers_between_workers(strategy):
        return [strategy.gather(each, axis=0) for each in parts]
    return [tf.concat(_local(strategy, each), 0) for each in parts]


def _sum_duplicate_rows(
    values: tf.Tensor, indices: tf.Tensor, places: tf.Tensor, dense_shape: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Adds rows with the same position and index."""
    num_rows = tf.cast(dense_shape[0], tf.int64)
    keys = tf.cast(places, tf.int64) * num_rows + tf.cast(indices, tf.int64)
    different, segments = tf.unique(keys)
    sums = tf.math.unsorted_segment_sum(values, segments, tf.size(different))
    return sums, tf.cast(different % num_rows, indices.dtype)


def _is_none(gradient: Any) -> bool:
    """Returns whether no replica has a gradient: None, or per-replica Nones."""
    return gradient is None or (
        isinstance(gradient, tf.distribute.DistributedValues)
        and all(value is None for value in gradient.values)
    )
