"""Evaluation and prediction steps inside one `tf.function`."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ...models import Module
from ...models.inference import traced_forward
from ...strategies import first_device, own_part, sum_over_replicas
from ...strategies.tensorflow_internals import traced
from .batch_size import with_checked_batch_size
from .batches import Prepare, next_with_wait
from .epoch_totals import EpochTotals
from .losses import Kind, divide, forward, loss_names, num_rows
from .measure import measure, own_rows


class EvaluationStep:
    """Computes losses and metrics of a model on the next batches of an iterator.

    Args:
        model: A model built and compiled in the scope of the strategy.
        module: The module, which may define its own `training_step`.
        strategy: The strategy to run with.
        prepare: Converts an element of the data to inputs, targets and weights.

    Attributes:
        model: The model.
        strategy: The strategy.
        totals: Sums over the epoch.
    """

    def __init__(
        self,
        model: keras.Model,
        module: Module,
        strategy: tf.distribute.Strategy,
        prepare: Prepare,
    ) -> None:
        self.model = model
        self._module = module
        self.strategy = strategy
        self._prepare = prepare
        self._kinds: list[Kind] = []
        with first_device(strategy):
            self.totals = EpochTotals(loss_names(model, module))

    @traced
    def __call__(self, iterator: Any, steps: tf.Tensor) -> None:
        """Runs `steps` batches.

        Args:
            iterator: Iterator of `Batches` with at least `steps` batches left.
            steps: Number of batches, scalar int64.
        """

        def body(done: tf.Tensor) -> tuple[tf.Tensor]:
            self._one_step(iterator)
            return (done + 1,)

        tf.while_loop(lambda done: done < steps, body, (tf.zeros((), tf.int64),))

    @traced
    def with_predictions(self, iterator: Any) -> Any:
        """Runs one batch and returns the outputs of the model on each replica."""
        return self._one_step(iterator)

    def _one_step(self, iterator: Any) -> Any:
        parts, wait_seconds = next_with_wait(iterator)
        *local, predictions = self.strategy.run(self._on_replica, args=(parts,))
        rows, numerators, denominators, values = sum_over_replicas(
            self.strategy, tuple(local)
        )
        losses = divide(self._kinds, numerators, denominators)
        self.totals.add(losses, rows, wait_seconds, values)
        return predictions

    def _on_replica(self, parts: Any) -> tuple[Any, ...]:
        part, repeats = own_part(parts)
        batch = inputs, targets, sample_weight = self._prepare(part)
        result = forward(self.model, self._module, batch, repeats, training=False)
        measure(self.model, targets, result.predictions, sample_weight, repeats)
        self._kinds = [term.kind for term in result.terms]
        numerators = [term.numerator for term in result.terms]
        denominators = {term.kind.divisor: term.denominator for term in result.terms}
        rows = num_rows(inputs) / tf.cast(repeats, keras.config.floatx())
        predictions = own_rows(result.predictions, repeats)
        return rows, numerators, denominators, result.values, predictions


class PredictionStep:
    """Runs a model on the next batch of an iterator.

    Args:
        model: Any model, built in the scope of the strategy.
        strategy: The strategy to run with.
        prepare: Converts an element of the data to inputs, targets and weights.
    """

    def __init__(
        self, model: keras.Model, strategy: tf.distribute.Strategy, prepare: Prepare
    ) -> None:
        self._is_alone = strategy.num_replicas_in_sync == 1
        untraced = functools.partial(model, training=False)
        self._model = model
        self._forward = traced_forward(model) if self._is_alone else untraced
        self.strategy = strategy
        self._prepare = prepare

    def __call__(self, iterator: Any) -> Any:
        """Runs one batch and returns the outputs of the model on each replica."""
        # An outer trace would be optimized again for each data set.
        return self._run(iterator) if self._is_alone else self._run_traced(iterator)

    @traced
    def _run_traced(self, iterator: Any) -> Any:
        return self._run(iterator)

    def _run(self, iterator: Any) -> Any:
        parts, _ = next_with_wait(iterator)
        return self.strategy.run(self._on_replica, args=(parts,))

    def _on_replica(self, parts: Any) -> Any:
        part, repeats = own_part(parts)
        inputs = with_checked_batch_size(self._model, self._prepare(part)[0])
        return own_rows(self._forward(inputs), repeats)


class FunctionStep:
    """Runs a function on the next batch of an iterator.

    Args:
        function: Takes the tensors of a batch, and returns tensors with as many rows.
        strategy: The strategy to run with.
    """

    def __init__(
        self, function: Callable[..., Any], strategy: tf.distribute.Strategy
    ) -> None:
        self._function = function
        self._strategy = strategy

    @traced
    def __call__(self, iterator: Any) -> Any:
        """Runs one batch and returns the result on each replica."""
        parts, _ = next_with_wait(iterator)
        return self._strategy.run(self._on_replica, args=(parts,))

    def _on_replica(self, parts: Any) -> Any:
        part, repeats = own_part(parts)
        return own_rows(self._function(*part), repeats)
