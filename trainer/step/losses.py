"""Computes losses as numerators and denominators, which are exact on several replicas.

The loss of a batch is a sum over its examples divided by the number of examples, the sum of
their weights, or 1. Each replica computes its part of both; they are divided after the sum
over replicas. Each replica computes any other loss from the examples of all replicas.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ...core.errors import ConfigError, message
from ...models import Module
from ...models.inference import infer
from ...strategies import Replicas, gather_rows
from .batch_size import with_checked_batch_size
from .loss_internals import (
    CompiledLoss,
    PerExample,
    call_losses,
    call_on_batch,
    compiled_losses,
    per_example,
    unscaled_losses,
)
from .measure import held_metrics_counted_once, own_rows
from .own_step import call_training_step

ROWS, ONE = "rows", "one"
ADDITIONAL = "additional"  # regularizers and add_loss


class Kind(NamedTuple):
    """Identifies the loss of a term; the same on all replicas and in all steps.

    Attributes:
        name: Name of the output or the loss.
        divisor: Name of the denominator; losses with the same divisor share it.
        weight: Factor of this loss in the total.
    """

    name: str
    divisor: str
    weight: float = 1.0


class Term(NamedTuple):
    """A replica's part of one loss.

    Attributes:
        kind: The kind of loss.
        numerator: Sum over this replica's examples: scalar, floatx.
        denominator: This replica's part of the denominator: scalar, floatx.
    """

    kind: Kind
    numerator: tf.Tensor
    denominator: tf.Tensor

    def shared(self, repeats: tf.Tensor) -> "Term":
        """Returns this replica's share of a term that `repeats` replicas compute."""
        if tf.get_static_value(repeats) == 1:
            return self
        part = tf.cast(repeats, self.numerator.dtype)
        is_constant = self.kind.divisor == ONE
        denominator = self.denominator if is_constant else self.denominator / part
        return Term(self.kind, self.numerator / part, denominator)


class Forward(NamedTuple):
    """The results of a forward pass on one replica.

    Attributes:
        terms: This replica's parts of the losses.
        predictions: Predictions for the compiled metrics, or None.
        values: Other values of `training_step`, summed over this replica's examples.
    """

    terms: list[Term]
    predictions: Any
    values: dict[str, tf.Tensor]


@unscaled_losses()
def forward(
    model: keras.Model,
    module: Module,
    batch: tuple[Any, Any, Any],
    repeats: tf.Tensor,
    training: bool,
) -> Forward:
    """Runs the model on a replica's part of a batch; in replica context.

    Args:
        model: The model, built and compiled.
        module: The module, which may define its own `training_step`.
        batch: Inputs, targets and sample weights.
        repeats: Number of replicas that have this same part: scalar int32.
        training: Whether the model runs in training mode.

    Raises:
        ConfigError: There is no loss, or `training_step` returned something invalid.
    """
    inputs, targets, sample_weight = batch
    inputs = with_checked_batch_size(model, inputs)
    batch = inputs, targets, sample_weight
    rows = num_rows(inputs)
    values: dict[str, tf.Tensor] = {}
    with held_metrics_counted_once(model, repeats):
        if overrides_training_step(module):
            own = call_training_step(module, model, batch, training)
            terms, predictions = [_training_step_term(own.loss, rows)], own.predictions
            share = _floatx(repeats)
            values = {n: _sum(each, rows) / share for n, each in own.values.items()}
        else:
            predictions = model(inputs, training=True) if training else infer(model, inputs)
            compared = targets, predictions, sample_weight
            terms = compiled_terms(model, compared, rows, repeats)
        terms += _additional_terms(model, rows)
    if not terms:
        raise _missing_loss_error()
    return Forward([term.shared(repeats) for term in terms], predictions, values)


def divide(
    kinds: Sequence[Kind],
    numerators: Sequence[tf.Tensor],
    denominators: Mapping[str, tf.Tensor],
) -> list[tf.Tensor]:
    """Computes each loss from its sums over all replicas; the total comes first."""
    values = [
        tf.math.divide_no_nan(numerator, denominators[kind.divisor])
        for kind, numerator in zip(kinds, numerators, strict=True)
    ]
    weighted = [kind.weight * value for kind, value in zip(kinds, values, strict=True)]
    return [tf.add_n(weighted), *values]


def loss_names(model: keras.Model, module: Module) -> list[str]:
    """Returns the names of the losses in logs as in `Model.fit`, the total first."""
    losses = [] if overrides_training_step(module) else compiled_losses(model)
    return ["loss", *(f"{each.name}_loss" for each in losses if len(losses) > 1)]


def overrides_training_step(module: Module) -> bool:
    """Returns whether a module computes its losses itself."""
    return type(module).training_step is not Module.training_step


def num_rows(inputs: Any) -> tf.Tensor:
    """Returns the number of examples in a replica's part: scalar, floatx."""
    first = tf.nest.flatten(inputs)[0]
    rows = first.nrows() if isinstance(first, tf.RaggedTensor) else tf.shape(first)[0]
    return _floatx(rows)


def compiled_terms(
    model: keras.Model, batch: tuple[Any, Any, Any], rows: tf.Tensor, repeats: tf.Tensor
) -> list[Term]:
    """Computes a replica's parts of the compiled losses; in replica context."""
    terms: list[Term] = []

    def recorder(number: int, compiled: CompiledLoss) -> Any:
        def record(y_true: Any, y_pred: Any, weights: Any = None) -> tf.Tensor:
            found = per_example(compiled.loss, y_true, y_pred, weights)
            if found is None:
                own = y_true, y_pred, weights
                terms.append(_whole_batch_term(compiled, own, rows, repeats))
            else:
                terms.append(_per_example_term(number, compiled, found, rows))
            return terms[-1].numerator

        return record

    losses = compiled_losses(model)
    if losses:
        recorders = [recorder(number, loss) for number, loss in enumerate(losses)]
        call_losses(model, recorders, *batch)
    return terms


def _per_example_term(
    number: int, compiled: CompiledLoss, found: PerExample, rows: tf.Tensor
) -> Term:
    """Creates the term of a compiled loss, according to its reduction."""
    total = _floatx(tf.reduce_sum(found.values))
    size = _floatx(tf.size(found.values))
    reduction = compiled.loss.reduction
    if reduction == "sum":
        divisor, denominator = ONE, _one_on_first_replica()
    elif reduction == "mean_with_sample_weight" and found.weights is not None:
        divisor = f"weights of loss {number}"
        denominator = tf.reduce_sum(_floatx(found.weights))
    elif found.mask is not None:
        divisor = f"mask of loss {number}"
        denominator = tf.reduce_sum(_floatx(found.mask))
        total *= _floatx(tf.size(found.mask)) / size
    else:
        total = _sum(found.values, rows)
        divisor, denominator = ROWS, rows
    return Term(Kind(compiled.name, divisor, compiled.weight), total, denominator)


def _whole_batch_term(
    compiled: CompiledLoss,
    batch: tuple[Any, Any, Any],
    rows: tf.Tensor,
    repeats: tf.Tensor,
) -> Term:
    """Creates the term of a loss with one value per batch, from all replicas' rows."""

    def gather(own: Any) -> Any:
        _require_one_process(compiled.name)
        return tf.nest.map_structure(
            lambda tensor: tensor if tensor is None else gather_rows(tensor),
            own_rows(own, repeats),
        )

    value = call_on_batch(compiled.loss, batch, gather)
    if len(value.shape) > 0:
        raise ConfigError(
            message(
                "A loss that defines `__call__` must return one value for a batch.",
                "Define `call` in its place, and return a value for each example.",
                loss=compiled.name,
                shape=tuple(value.shape),
            )
        )
    kind = Kind(compiled.name, ROWS, compiled.weight)
    return Term(kind, _floatx(value) * rows, rows)


def _require_one_process(name: str) -> None:
    replicas = Replicas.of(tf.distribute.get_strategy())
    if replicas.total > replicas.local:
        raise ConfigError(
            message(
                "With several workers, a loss must return a value for each example, not "
                "one for the batch.",
                "Leave out the last mean or sum over examples; for Keras losses such as "
                "Dice, set axis=(1, 2, 3), all axes except the first.",
                loss=name,
            )
        )


def _missing_loss_error() -> ConfigError:
    return ConfigError(
        message(
            "The model must be compiled with a loss or add one.",
            "Call model.compile(optimizer, loss=...), call add_loss in a layer, or define "
            "Module.training_step; validate and test take it as module=...",
            loss=None,
        )
    )


def _training_step_term(loss: tf.Tensor, rows: tf.Tensor) -> Term:
    """Creates the term of the loss that `training_step` returned."""
    return Term(Kind("loss", ROWS), _sum(loss, rows), rows)


def _sum(values: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Sums the mean value of each example."""
    mean = tf.math.divide_no_nan(tf.reduce_sum(_floatx(values)), _floatx(tf.size(values)))
    return mean * rows


def _additional_terms(model: keras.Model, rows: tf.Tensor) -> list[Term]:
    """Creates terms for regularizers and `add_loss`: means weighted by a replica's rows."""
    sums = [_floatx(tf.reduce_sum(loss)) for loss in model.losses]
    kind = Kind(ADDITIONAL, ROWS)
    return [Term(kind, each * rows, rows) for each in sums]


def _one_on_first_replica() -> tf.Tensor:
    """Returns 1 on the first replica and 0 on all others."""
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return _floatx(tf.equal(replica, 0))


def _floatx(tensor: Any) -> tf.Tensor:
    return tf.cast(tensor, keras.config.floatx())
