"""What we lean on in `tf.data` without a public promise, as `tensorflow_internals` does."""

import tensorflow as tf

_DRAW = ("_ShuffleDataset", "_RandomDataset")


def skip_orders(dataset: tf.data.Dataset, passes: int) -> None:
    """Draws the orders of some passes through a dataset, without reading it.

    Each shuffle and each random choice draws when an iterator over it is created, which
    one further down creates only as it reads; so each is drawn from by itself. What is
    upstream of a cache draws once, as the cache is filled.
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
    """Whether a dataset comes in another order in each process.

    That is, a shuffle or a random choice has neither a seed of its own nor a global seed,
    or the dataset gives up its order to be faster. What a Python generator or a function
    of the dataset draws is not known. Nothing is read.
    """
    kind = type(dataset).__name__
    if kind == "CacheDataset" and tf.get_static_value(dataset._filename):
        return False  # the file keeps the order
    draws = kind in _DRAW and not (int(dataset._seed) or int(dataset._seed2))
    given_up = dataset.options().deterministic is False
    return draws or given_up or any(map(is_unseeded, dataset._inputs()))
