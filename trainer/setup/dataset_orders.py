"""Restores the shuffle order of an epoch in a dataset.

A `shuffle` that reshuffles draws a new seed whenever an iterator is created. In a new
process, it would start with the order of the first epoch again.
"""

from weakref import WeakKeyDictionary

import tensorflow as tf

from ...callbacks import RunState
from ...strategies.dataset_internals import skip_orders
from ..contracts import BatchSource, GoesToEpoch

# Passes started in this process, over all fits: a dataset can't go back.
_PASSES: WeakKeyDictionary[tf.data.Dataset, int] = WeakKeyDictionary()


def restore_order(source: BatchSource, run: RunState) -> None:
    """Sets the order of the next training batches to that of their epoch."""
    if isinstance(source, GoesToEpoch):
        is_trained = run.training_metrics is not None  # only validation is left
        source.go_to_epoch(run.epoch + is_trained)


def go_to_epoch(dataset: tf.data.Dataset, epoch: int) -> None:
    """Sets the order of the next pass over a dataset to that of an epoch.

    Reads no elements: only draws the seeds of earlier epochs that were not drawn in this
    process. Calling this several times before the pass has no further effect.

    Args:
        dataset: A dataset that is iterated over once per epoch.
        epoch: The epoch of the next pass, counted from 0.

    Example:
        >>> def shuffled():
        ...     return tf.data.Dataset.range(5).shuffle(5, seed=1)
        >>> dataset = shuffled()
        >>> orders = [[int(each) for each in dataset] for _ in range(3)]
        >>> resumed = shuffled()
        >>> go_to_epoch(resumed, 2)
        >>> [int(each) for each in resumed] == orders[2]
        True
    """
    begun = _PASSES.get(dataset, 0)
    if epoch > begun:
        skip_orders(dataset, epoch - begun)
    _PASSES[dataset] = max(begun, epoch + 1)
