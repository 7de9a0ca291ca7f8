"""Uses private parts of `tf.data`, like `tensorflow_internals` those of TensorFlow."""

import tensorflow as tf

_DRAW = ("_ShuffleDataset", "_RandomDataset")


def skip_orders(dataset: tf.data.Dataset, passes: int) -> None:
    """Draws the shuffle orders of some passes over a dataset, without reading it.

    Each shuffle or random dataset draws when an iterator over it is created. Downstream
    iterators create upstream ones only as they read, so each is drawn from separately.
    Datasets upstream of a cache draw once, when the cache is filled.
    """
    kind = type(dataset).__name__
    if kind == "CacheDataset":
        return
    if kind == "_RepeatDataset":
        passes *= max(int(dataset._count), 0)
    if kind in _DRAW:
        for _ in range(passes):
            iter(dataset)
    for upstream in dataset._inputs():
        skip_orders(upstream, passes)


def is_unseeded(dataset: tf.data.Dataset) -> bool:
    """Returns whether the order of a dataset differs between processes.

    It does if a shuffle or random dataset has neither its own nor a global seed, or if the
    option `deterministic` is off. Draws in Python generators and mapped functions are not
    detected. Reads no elements.
    """
    kind = type(dataset).__name__
    if kind == "CacheDataset" and tf.get_static_value(dataset._filename):
        return False  # the file keeps the order
    draws = kind in _DRAW and not (int(dataset._seed) or int(dataset._seed2))
    is_unordered = dataset.options().deterministic is False
    return draws or is_unordered or any(map(is_unseeded, dataset._inputs()))


def asserts_cardinality(dataset: tf.data.Dataset) -> bool:
    """Returns whether the number of elements of a dataset is only asserted.

    Then there may be more of them, and reading on may fail or wait for ever.
    """
    is_asserted = type(dataset).__name__ == "_AssertCardinalityDataset"
    return is_asserted or any(map(asserts_cardinality, dataset._inputs()))


def reading_ahead(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns a dataset that prefetches at least one element.

    That is the dataset itself if it ends with `prefetch`, alone or before the `map` that
    splits batches: another thread would take a tenth of the time of a tiny step.
    """
    last = dataset
    for kind in ("_OptionsDataset", "_MapDataset", "_OptionsDataset"):
        if type(last).__name__ == kind:
            (last,) = last._inputs()
    return dataset if type(last).__name__ == "_PrefetchDataset" else dataset.prefetch(1)
