"""Training steps inside one `tf.function`.

In a step, each replica computes numerators, denominators and gradients of the losses on its
part of the batch. All are summed over the replicas, and gradients are divided by the global
denominators. Each device then applies the optimizer to its own copies of the variables.
Inside `strategy.run`, Keras's clipping, accumulation, averaging and loss scaling would be
wrong or fail.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ...core.bundle import Arrays
from ...models import Module
from ...models.variables import unshared_statistics
from ...strategies import (
    first_device,
    gathers_between_workers,
    on_each_device,
    own_part,
    sums_on_devices,
)
from ...strategies.tensorflow_internals import tensors_only, traced
from .accumulator import Accumulator, combine
from .batches import Prepare, next_with_times
from .compiled_pass import CompiledPass
from .epoch_totals import EpochTotals
from .gradient_norm import Norms, gradient_norms
from .keras_internals import apply_on_device
from .lookups import joined
from .losses import divide, loss_names, num_rows
from .measure import measure, run_if
from .position_mark import PositionMark
from .replica_pass import ReplicaPass
from .sampling import NoSampler, StepSampler
from .seeds import set_seeds


class Outcome(NamedTuple):
    """The outcome of a call of `TrainStep`.

    Attributes:
        steps: Number of executed steps: scalar int64.
        finite: Whether loss and gradients of the last step were finite: scalar bool.
            Otherwise the step was not applied.
    """

    steps: tf.Tensor
    finite: tf.Tensor


class ReplicaSums(NamedTuple):
    """The contribution of one replica to a step.

    Attributes:
        rows: Number of examples.
        numerators: Numerator of each loss.
        denominators: Denominators by divisor.
        gradients: Gradients per variable, by divisor.
        statistics: Moving statistics of BatchNorm layers that are not synchronized.
        values: Sums of other values to log.
    """

    rows: Any
    numerators: list[Any]
    denominators: dict[str, Any]
    gradients: dict[str, list[Any]]
    statistics: list[Any]
    values: dict[str, Any]


class TrainStep:
    """Trains a model on the next batches of an iterator.

    Args:
        model: A model built and compiled in the scope of the strategy.
        module: The module, which may define its own `training_step`.
        strategy: The strategy to train with.
        prepare: Converts an element of the data to inputs, targets and weights.
        seed: Seed of dropout and other random layers.
        accumulate: Number of batches over which gradients are accumulated; a remainder is
            applied at the end of the epoch.
        replica_pass: The forward and backward pass; by default a `ReplicaPass`.
        is_sampled: Whether single steps can be sampled.

    Attributes:
        model: The model.
        strategy: The strategy.
        totals: Sums over the epoch.
        accumulator: Accumulated gradients, or None without accumulation.
        sampler: Samples single steps, or nothing.
    """

    def __init__(
        self,
        model: keras.Model,
        module: Module,
        strategy: tf.distribute.Strategy,
        prepare: Prepare,
        seed: int,
        accumulate: int = 1,
        replica_pass: ReplicaPass | CompiledPass | None = None,
        is_sampled: bool = False,
    ) -> None:
        self.model = model
        self.strategy = strategy
        self._prepare = prepare
        self._seed = seed
        self._statistics = (
            unshared_statistics(model) if strategy.num_replicas_in_sync > 1 else []
        )
        self._pass = replica_pass or ReplicaPass(
            model, module, strategy.num_replicas_in_sync
        )
        self._gathers = False  # known once a step has been traced
        with first_device(strategy):
            self.totals = EpochTotals(loss_names(model, module))
        self._mark = PositionMark()
        trained = [variable.value for variable in model.trainable_variables]
        self.accumulator = (
            Accumulator(strategy, trained, accumulate) if accumulate > 1 else None
        )
        self.sampler = StepSampler(strategy, trained) if is_sampled else NoSampler()

    @property
    def is_compiled(self) -> bool:
        """Whether XLA compiles the forward and backward pass."""
        return isinstance(self._pass, CompiledPass)

    @traced
    def __call__(self, iterator: Any, first_step: tf.Tensor, steps: tf.Tensor) -> Outcome:
        """Executes up to `steps` steps; stops after one that is not finite.

        Executes only one if workers gather sparse gradients, which does not allow a second
        one in the same call.

        Args:
            iterator: Iterator of `Batches` with at least `steps` batches left.
            first_step: Number of steps executed before, scalar int64.
            steps: Number of steps, at least 1, scalar int64. A tensor, so that other values
                don't retrace.
        """
        end = first_step + steps
        self._mark.begin(first_step)

        def body(step: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            finite = self._one_step(iterator, step)
            continues = finite & (step + 1 < end) & (not self._gathers)
            return step + 1, finite, continues

        start = (first_step, tf.constant(True), tf.constant(True))
        step, finite, _ = tf.while_loop(lambda *state: state[2], body, start)
        self.sampler.ended()
        return Outcome(step - first_step, finite)

    def on(self, iterator: Any) -> Callable[[tf.Tensor, tf.Tensor], Outcome]:
        """Traces the step for one iterator.

        TensorFlow checks the types of all arguments in each call of a traced function,
        which takes a fifth of a step of a tiny model.

        Returns:
            A function of `first_step` and `steps`.
        """
        number = tf.TensorSpec((), tf.int64)
        function = self.__call__.get_concrete_function(iterator, number, number)
        return tensors_only(function, iterator)

    def position(self) -> tuple[int, bool] | None:
        """Returns the number of finished steps, and whether the next one waits for data.

        Can be called from any thread during a call; None before the first step.
        """
        return self._mark.read()

    @traced
    def finish_epoch(self) -> None:
        """Applies the gradients accumulated since the last update."""
        if self.accumulator is not None:
            left = self.accumulator
            run_if(left.count > 0, lambda: self._apply_sums(left))

    def epoch_values(self) -> Arrays:
        """Copies the sums of this epoch."""
        accumulated = self.accumulator.values() if self.accumulator else {}
        return self.totals.copy() | accumulated

    def restore_epoch(self, values: Arrays) -> None:
        """Restores the result of `epoch_values`."""
        accumulated = self.totals.restore(values)
        if self.accumulator is not None:
            self.accumulator.restore(accumulated)

    def _one_step(self, iterator: Any, step: tf.Tensor) -> tf.Tensor:
        with self._mark.waiting_for_data():
            parts, times = next_with_times(iterator)
        self._mark.has_data(parts)
        own, repeats = self.strategy.run(self._on_replica, args=(parts, step))
        self.sampler.computed(self._first_replica_gradients(own.gradients))
        by_device = [
            sums._replace(gradients=_join_gradient_parts(sums.gradients))
            for sums in sums_on_devices(self.strategy, own, repeats)
        ]
        first = by_device[0]
        self.sampler.summed(first.gradients)
        self._gathers = gathers_between_workers(self.strategy) and _has_sparse_gradients(
            first.gradients
        )
        combined = self._on_each_device(_combine_sums, by_device)
        losses = divide(self._pass.kinds, first.numerators, first.denominators)
        norms = self._norms(combined[0])
        applied = norms.total if self.accumulator is None else None
        self.totals.add(losses, first.rows, times.wait_seconds, first.values, applied)
        self.sampler.measured(times, norms.each if self.accumulator is None else None)
        self._on_each_device(self._share_statistics, by_device)
        finite = tf.math.is_finite(losses[0])
        if not isinstance(self.model.optimizer, keras.optimizers.LossScaleOptimizer):
            finite &= tf.math.is_finite(norms.total)  # loss scaling skips updates itself
        run_if(finite, lambda: self._update(combined, by_device))
        return finite

    def _on_replica(self, parts: Any, step: tf.Tensor) -> tuple[ReplicaSums, Any]:
        set_seeds(self.model, self._seed, step)
        part, repeats = own_part(parts)
        batch = inputs, targets, sample_weight = self._prepare(part)
        result = self._pass(batch, repeats)
        measure(self.model, targets, result.predictions, sample_weight, repeats)
        sums = ReplicaSums(
            num_rows(inputs) / tf.cast(repeats, keras.config.floatx()),
            result.numerators,
            result.denominators,
            result.gradients,
            [tf.identity(variable.value) for variable in self._statistics],
            result.values,
        )
        return sums, repeats

    def _on_each_device(
        self, function: Callable[[Any], Any], arguments: Sequence[Any]
    ) -> list[Any]:
        mirrored = self.model.trainable_variables[0].value
        return on_each_device(self.strategy, mirrored, function, arguments)

    def _share_statistics(self, sums: ReplicaSums) -> None:
        """Assigns the mean over replicas, which computed statistics of their own rows."""
        for variable, total in zip(self._statistics, sums.statistics, strict=True):
            variable.assign(total / self.strategy.num_replicas_in_sync)

    def _first_replica_gradients(
        self, gradients: dict[str, list[Any]]
    ) -> dict[str, list[Any]]:
        """Returns the gradients of the first replica of this process."""
        local = self.strategy.experimental_local_results
        return {name: [local(each)[0] for each in g] for name, g in gradients.items()}

    def _update(self, combined: list[Any], by_device: list[ReplicaSums]) -> None:
        accumulator = self.accumulator
        if accumulator is None:
            self._on_each_device(self._apply, combined)
            return
        self._on_each_device(
            lambda own: accumulator.add(own.gradients, own.denominators), by_device
        )
        run_if(accumulator.is_full(), lambda: self._apply_sums(accumulator))

    def _apply_sums(self, accumulator: Accumulator) -> None:
        devices = self.strategy.experimental_local_results(accumulator.count)
        gradients = self._on_each_device(lambda _: accumulator.take(), devices)
        norms = self._norms(gradients[0])
        self.totals.add_update(norms.total)
        self.sampler.accumulated(norms.each)
        self._on_each_device(self._apply, gradients)

    def _norms(self, gradients: list[Any]) -> Norms:
        scale = self.model.optimizer.scale_loss(tf.ones((), tf.float64))
        norms = gradient_norms(gradients)
        return Norms(norms.total / scale, norms.each / scale)

    def _apply(self, gradients: list[Any]) -> None:
        variables = self.model.trainable_variables
        apply_on_device(self.model.optimizer, gradients, variables)


def _combine_sums(sums: ReplicaSums) -> list[Any]:
    return combine(sums.gradients, sums.denominators)


def _join_gradient_parts(gradients: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {divisor: joined(each) for divisor, each in gradients.items()}


def _has_sparse_gradients(gradients: dict[str, list[Any]]) -> bool:
    flat = [gradient for each in gradients.values() for gradient in each]
    return any(isinstance(gradient, tf.IndexedSlices) for gradient in flat)
