"""Brings the shuffles of a dataset to the order that belongs to an epoch.

A `shuffle` that reshuffles draws the seed of its order whenever an iterator over it is
created. In a new process it begins with the order of the first epoch again.
"""

from weakref import WeakKeyDictionary

import tensorflow as tf

from ...callbacks import RunState
from ...strategies.dataset_internals import skip_orders
from ..contracts import BatchSource, GoesToEpoch

# Passes that were begun in this process, over all fits: a dataset can't go back.
_PASSES: WeakKeyDictionary[tf.data.Dataset, int] = WeakKeyDictionary()


def restore_order(source: BatchSource, run: RunState) -> None:
    """Lets the next batches of training come in the order of their epoch."""
    if isinstance(source, GoesToEpoch):
        is_trained = run.training_metrics is not None  # only validation is left of it
        source.go_to_epoch(run.epoch + is_trained)


def go_to_epoch(dataset: tf.data.Dataset, epoch: int) -> None:
    """Lets the next pass through a dataset be that of an epoch, counted from 0.

    Nothing is read: only the orders of the epochs before are drawn, if they were not
    drawn in this process. Call it before the pass, as often as you like.

    Args:
        dataset: Is gone through once per epoch.
        epoch: The epoch of the next pass.

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
