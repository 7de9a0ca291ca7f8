"""Runs a batch whole on one replica and split on all, without changing the model.

Both runs are eager, since tracing a large model takes ten times as long as running it. They
use the forward pass, sums and divisions of training.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ...models.variables import batch_norms
from ...strategies import Replicas, sum_over_replicas, workers_of
from ...strategies.tensorflow_internals import functions_run_eagerly
from ..step.keras_internals import (
    layers_watched,
    recurrences_in_functions,
    set_synchronized,
)
from .drawn_outputs import drawn_outputs, drawn_targets
from .held_randomness import held_randomness
from .one_pass import Batch, OnePass, Pass, Seen, Sums, rows_of
from .plain_variables import PlainVariables
from .rounding import Rounding, distance

Updates = Mapping[int, npt.NDArray[Any]]

# Outputs that change by this share with the last bits of a batch may be random.
_LOOKS_RANDOM = 0.2

_SMALL = 0.01


class Runs(NamedTuple):
    """The results of running the same batch in several ways.

    Attributes:
        whole: Results on one replica.
        nudged: The same, with the last bits of the batch and of all weights changed.
        repeated: A second run of `whole` if the outputs look random, otherwise `whole`.
        parts: Rows and results of each replica of this process.
        sums: Sums over the parts of all replicas.
        given: Sums of the whole batch for each element of `seen`.
        updates: Variables changed by each replica of all workers.
        seen: The batch with its outputs, and with randomly drawn ones.
    """

    whole: Pass
    nudged: Pass
    repeated: Pass
    parts: Sequence[tuple[slice, Pass]]
    sums: Sums
    given: Sequence[Any]
    updates: Sequence[Updates]
    seen: Sequence[Seen]


class ProbeRuns:
    """Runs batches with two rows per replica and one more, whole and split.

    Random numbers are constant. All BatchNorm layers synchronize their statistics: a layer
    that does not is known to depend on the split, and was configured that way.

    Args:
        model: The model, built and compiled.
        strategy: The strategy in whose scope the model was built.
        one_pass: Runs the model.
        plain: The variables of the model that Keras does not track.
        rounding: The rounding of the model.
    """

    def __init__(
        self,
        model: keras.Model,
        strategy: tf.distribute.Strategy,
        one_pass: OnePass,
        plain: PlainVariables,
        rounding: Rounding,
    ) -> None:
        self._model = model
        self._strategy = strategy
        self._pass = one_pass
        self._plain = plain
        self._rounding = rounding
        self._replicas = Replicas.of(strategy)
        self.num_rows = 2 * self._replicas.total + 1

    def rows(self, replica: int) -> slice:
        """Returns the rows of a replica, counted over all workers."""
        return self._replicas.rows(replica, self.num_rows)

    def __call__(self, batch: Batch) -> Runs:
        """Runs a batch. All workers must call this."""
        values = self._nonzero_weights()
        nudged = self._rounding.nudged(batch), self._rounding.nudged(values, seed=1)
        watched = layers_watched(self._pass.keep)
        with _comparable_passes(), watched, _batch_norms(self._model, synchronized=True):
            with tf.device(self._strategy.extended.worker_devices[0]):
                whole = self._run_whole_batch(batch, values)
                seen = self._batches_with_outputs(batch, whole.predictions)
                given = [self._pass.losses(each) for each in seen]
                # Without synchronization, statistics are rounded differently.
                with _batch_norms(self._model, synchronized=False):
                    other = self._run_whole_batch(*nudged)
                repeated = whole
                if _look_random(whole.predictions, other.predictions):
                    repeated = self._run_whole_batch(batch, values)
            local = self._strategy.run(lambda: self._run_own_part(batch, whole, seen))
            self._plain.put_back()
            sums = sum_over_replicas(self._strategy, local.sums)
        own = self._strategy.experimental_local_results(local)
        first = self._replicas.first
        parts = [(self.rows(first + n), part) for n, part in enumerate(own)]
        updates = self._gather_updates([part.updates for part in own])
        return Runs(whole, other, repeated, parts, sums, given, updates, seen)

    def _batches_with_outputs(self, batch: Batch, predictions: Any) -> list[Seen]:
        inputs, targets, weights = batch
        if predictions is None or targets is None:
            return []
        outputs = drawn_outputs(predictions)
        drawn = (inputs, drawn_targets(targets, predictions), weights), outputs
        seen: list[Seen] = [(batch, predictions)]
        return [*seen, drawn] if self._pass.accepts(drawn) else seen

    def _nonzero_weights(self) -> list[tf.Tensor]:
        """Returns the values of the trainable variables, with zeros replaced.

        Differences in a branch that is initially multiplied by zero would not show.
        """
        values = (tf.convert_to_tensor(v.value) for v in self._model.trainable_variables)
        return [tf.where(value == 0, _SMALL, value) for value in values]

    def _run_whole_batch(self, batch: Batch, values: Sequence[tf.Tensor]) -> Pass:
        done = self._pass(batch, values)
        self._plain.put_back()
        return done

    def _run_own_part(self, batch: Batch, whole: Pass, seen: Sequence[Seen]) -> Pass:
        context = tf.distribute.get_replica_context()
        rows = self.rows(int(tf.get_static_value(context.replica_id_in_sync_group)))
        given = [rows_of(each, rows) for each in seen]
        own = rows_of(batch, rows)
        return self._pass(own, self._nonzero_weights(), given, whole.sums.denominators)

    def _gather_updates(self, updates: Sequence[Mapping[int, Any]]) -> list[Updates]:
        own = [{str(n): each.numpy() for n, each in some.items()} for some in updates]
        gathered = workers_of(self._strategy).gather(own)
        return [{int(n): each[n] for n in each} for some in gathered for each in some]


def leaves(predictions: Any) -> list[npt.NDArray[Any]]:
    """Returns the arrays of a model's outputs in any structure."""
    flat = tf.nest.flatten(predictions, expand_composites=True)
    return [np.asarray(each) for each in flat if each is not None]


def _look_random(predictions: Any, others: Any) -> bool:
    pairs = zip(leaves(predictions), leaves(others), strict=True)
    return any(
        whole.dtype.kind not in "OSU"
        and distance(whole, other).max(initial=0)
        > _LOOKS_RANDOM * distance(whole, 0).max(initial=0)
        for whole, other in pairs
    )


@contextlib.contextmanager
def _comparable_passes() -> Iterator[None]:
    """Makes passes comparable: eager, with constant random numbers."""
    with held_randomness(), functions_run_eagerly(), recurrences_in_functions():
        yield


@contextlib.contextmanager
def _batch_norms(model: keras.Model, synchronized: bool) -> Iterator[None]:
    """Turns synchronization of all BatchNorm layers on or off within the context."""
    layers = [each for each in batch_norms(model) if each.synchronized != synchronized]
    for layer in layers:
        set_synchronized(layer, synchronized)
    try:
        yield
    finally:
        for layer in layers:
            set_synchronized(layer, not synchronized)
