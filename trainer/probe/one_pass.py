"""Runs a forward and backward pass without changing variables."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ...models import Module
from ..step.keras_internals import seed_generators, with_attached
from ..step.loss_internals import unscaled_losses
from ..step.losses import (
    Kind,
    Term,
    compiled_terms,
    forward,
    num_rows,
    overrides_training_step,
)
from ..step.metric_internals import update_metrics

MAX_GRADIENTS = 100
Batch = tuple[Any, Any, Any]
Seen = tuple[Batch, Any]  # a batch and the outputs for it


class Sums(NamedTuple):
    """Results that are summed over replicas.

    Attributes:
        numerators: Numerator of each loss.
        denominators: Denominators by divisor.
        gradients: Gradients of the total loss per variable; empty for large models.
        given: Numerators and denominators of the compiled losses for each element of the
            argument `given`.
        values: Other values that `training_step` returned, by name.
    """

    numerators: list[Any]
    denominators: dict[str, Any]
    gradients: list[Any]
    given: list[Any]
    values: dict[str, Any]


class Pass(NamedTuple):
    """The results of a pass.

    Attributes:
        sums: Results that are summed over replicas.
        predictions: Outputs of the model, or None.
        updates: New values of variables by their index in `OnePass.variables`.
        layers: Outputs of layers by path, if they are kept.
    """

    sums: Sums
    predictions: Any
    updates: dict[int, Any]
    layers: dict[str, Any]


class OnePass:
    """Runs a model in training mode without changing its variables.

    Gradients are not computed for models of more than `MAX_GRADIENTS` trainable variables,
    where they would take most of the time.

    Args:
        model: The model, built and compiled.
        module: The module, which may define its own `training_step`.
        plain: `tf.Variable`s that Keras does not track, by name. A pass changes these.

    Attributes:
        variables: All variables that a pass may update, the plain ones last.
        names: Names of the variables.
        kinds: Kinds of the losses; empty before the first pass.
        keeps_layers: Whether to keep the outputs of layers.
    """

    def __init__(
        self, model: keras.Model, module: Module, plain: Mapping[str, tf.Variable]
    ) -> None:
        self._model = model
        self._module = module
        self._has_gradients = len(model.trainable_variables) <= MAX_GRADIENTS
        self._seeds = [generator.state for generator in seed_generators(model)]
        seeds = {id(seed) for seed in self._seeds}
        held = [v for metric in model.metrics for v in metric.variables]
        every = {id(v): v for v in [*model.variables, *held] if id(v) not in seeds}
        self.variables: list[Any] = [*every.values(), *plain.values()]
        self.names = [*(variable.path for variable in every.values()), *plain]
        self._num_plain = len(plain)
        self.kinds: list[Kind] = []
        self.keeps_layers = False
        self._own = threading.local()  # each replica runs in its own thread

    def keep(self, layer: keras.Layer, outputs: Any) -> None:
        """Keeps the outputs of a layer called in the current pass, if wanted."""
        if self.keeps_layers:
            self._own.layers[layer.path] = tf.nest.flatten(outputs)

    def __call__(
        self,
        batch: Batch,
        values: Sequence[tf.Tensor],
        given: Sequence[Seen] = (),
        denominators: Mapping[str, tf.Tensor] | None = None,
    ) -> Pass:
        """Runs the rows of a batch; in replica context and eager mode.

        Args:
            batch: Inputs, targets and weights.
            values: Values to use instead of those of the trainable variables.
            given: Batches with outputs for which compiled losses are computed as well.
            denominators: Denominators for the gradients; by default those of the batch.
        """
        trainable = zip(self._model.trainable_variables, values, strict=True)
        seeds = ((seed, tf.zeros(seed.shape, seed.dtype)) for seed in self._seeds)
        scope = keras.StatelessScope(
            [*trainable, *seeds, *self._ones_for_summed_variables()], collect_losses=True
        )
        before = dict(scope.state_mapping)
        self._own.layers = {}
        with scope, tf.GradientTape() as tape, self._recording(tape):
            tape.watch(values)
            result = forward(
                self._model, self._module, batch, tf.constant(1), training=True
            )
            own = {term.kind.divisor: term.denominator for term in result.terms}
            total = _total_loss(result.terms, own if denominators is None else denominators)
        self.kinds = [term.kind for term in result.terms]
        sums = Sums(
            [term.numerator for term in result.terms],
            own,
            tape.gradient(total, values) if self._has_gradients else [],
            [self.losses(each) for each in given],
            result.values,
        )
        updates = self._updates(scope.state_mapping, before)
        return Pass(sums, result.predictions, updates, self._own.layers)

    def _recording(self, tape: tf.GradientTape) -> AbstractContextManager[None]:
        return nullcontext() if self._has_gradients else tape.stop_recording()

    def _ones_for_summed_variables(self) -> Iterator[tuple[keras.Variable, Any]]:
        """Yields variables whose writes are summed over replicas, with the value one.

        Adding to such a variable counts its earlier value once per replica; with the value
        zero, this would not show.
        """
        for variable in self.variables[: len(self.variables) - self._num_plain]:
            if variable.aggregation == "sum" and variable.synchronization != "on_read":
                yield variable, tf.ones_like(variable.value)

    @unscaled_losses()
    def losses(self, seen: Seen) -> tuple[list[Any], dict[str, Any]]:
        """Computes numerators and denominators of compiled losses; in replica context."""
        if overrides_training_step(self._module):
            return [], {}
        (inputs, targets, weights), predictions = seen
        compared = targets, predictions, weights
        terms = compiled_terms(self._model, compared, num_rows(inputs), tf.constant(1))
        numerators = [term.numerator for term in terms]
        return numerators, {term.kind.divisor: term.denominator for term in terms}

    def accepts(self, seen: Seen) -> bool:
        """Returns whether losses and metrics accept these targets and outputs."""
        (_, targets, weights), predictions = seen
        try:
            self.losses(seen)
            with keras.StatelessScope():
                update_metrics(self._model, targets, predictions, weights)
        except Exception:
            return False
        return True

    def _updates(
        self, after: Mapping[int, Any], before: Mapping[int, Any]
    ) -> dict[int, Any]:
        first_plain = len(self.variables) - self._num_plain
        return {
            place: tf.identity(variable) if place >= first_plain else after[id(variable)]
            for place, variable in enumerate(self.variables)
            if place >= first_plain
            or after.get(id(variable)) is not before.get(id(variable))
        }


def rows_of(structure: Any, rows: slice) -> Any:
    """Slices the rows of all tensors of a structure; None stays None."""

    def cut(tensor: Any) -> Any:
        return None if tensor is None else with_attached(lambda t: t[rows], tensor)

    return tf.nest.map_structure(cut, structure)


def _total_loss(terms: Sequence[Term], denominators: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Computes the total loss, of which gradients are taken."""
    parts = [
        kind.weight * tf.math.divide_no_nan(numerator, denominators[kind.divisor])
        for kind, numerator, _ in terms
    ]
    return tf.add_n(parts)
