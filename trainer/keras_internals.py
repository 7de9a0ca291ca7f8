"""All that we lean on in Keras without a public promise, each thing in one function.

docs/keras-internals.md says of each why it is needed; a test named after each shows at
once when a new Keras breaks it.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras.src.backend import compute_output_spec
from keras.src.losses.loss import apply_mask
from keras.src.models.functional import Functional

from ..core.errors import ConfigError, message

LossFunction = Callable[[Any, Any, Any], Any]


class CompiledLoss(NamedTuple):
    """One loss of a compiled model: a model with several outputs has several.

    Attributes:
        name: Of the output, or of the loss.
        loss: Keras's loss object.
        weight: From `loss_weights`; 1 by default.
    """

    name: str
    loss: keras.losses.Loss
    weight: float


def build_compiled(model: keras.Model, batch: tuple[Any, Any, Any]) -> None:
    """Makes all variables of a compiled model: weights, metrics, optimizer.

    Args:
        model: Compiled.
        batch: `tf.TensorSpec`s of inputs, targets and sample weights.
    """

    def symbol(spec: tf.TensorSpec | None) -> keras.KerasTensor | None:
        if spec is None:
            return None
        return keras.KerasTensor(spec.shape, dtype=spec.dtype.name)

    symbolic = tf.nest.map_structure(symbol, batch)
    if batch[1] is None:  # there is nothing to build losses and metrics from
        if not all(layer.built for layer in model._flatten_layers()):
            compute_output_spec(model, symbolic[0], training=False)
        _build_optimizer(model)
        return
    if isinstance(model, Functional) and type(model).call is Functional.call:
        _build_from_outputs(model, *symbolic)
    model._symbolic_build(data_batch=symbolic)
    _build_optimizer(model)


def _build_optimizer(model: keras.Model) -> None:
    optimizer = model.optimizer
    if optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)


def _build_from_outputs(
    model: keras.Model, inputs: Any, targets: Any, sample_weight: Any
) -> None:
    """Makes variables of metrics and losses from outputs whose shapes are known.

    Keras would make a graph of the whole model, a second for a large one, to learn them.
    """
    outputs = tf.nest.map_structure(
        lambda output: keras.KerasTensor(output.shape, output.dtype),
        model._outputs_struct,
    )
    for built, function in (
        (model._compile_metrics, model.compute_metrics),
        (model._compile_loss, model._compute_loss),
    ):
        if built is not None and not built.built:
            compute_output_spec(
                function, inputs, targets, outputs, sample_weight=sample_weight
            )


def compiled_losses(model: keras.Model) -> list[CompiledLoss]:
    """The losses that a built model was compiled with, in Keras's order."""
    if model._compile_loss is None or not model._compile_loss.built:
        return []  # it is not built where there are no targets
    return [
        CompiledLoss(name, loss, 1.0 if weight is None else weight)
        for _, loss, weight, name in model._compile_loss._flat_losses
    ]


def call_losses(
    model: keras.Model,
    functions: Sequence[LossFunction],
    targets: Any,
    predictions: Any,
    sample_weight: Any,
) -> None:
    """Calls functions in place of the compiled losses.

    Keras matches targets, predictions and weights of any structure to its losses; this
    uses its matching without its arithmetic, which is wrong on several replicas.

    Args:
        model: Built and compiled.
        functions: One for each of `compiled_losses`; called with targets, predictions
            and weights, returns a number that is not used.
        targets: As in the data.
        predictions: What the model returned.
        sample_weight: As in the data, or None.
    """
    stand_in = _shallow_copy(model._compile_loss)
    stand_in._metrics = [None] * len(functions)
    stand_in._flat_losses = [
        entry._replace(loss=function, loss_weights=None)
        for entry, function in zip(stand_in._flat_losses, functions, strict=True)
    ]
    stand_in.call(targets, predictions, sample_weight)


class PerExample(NamedTuple):
    """A loss before it is reduced.

    Attributes:
        values: `(rows, ...)`, times sample weights and mask.
        mask: Which of them count, or None for all.
        weights: Sample weights times mask, or None where there are neither.
    """

    values: tf.Tensor
    mask: tf.Tensor | None
    weights: tf.Tensor | None


def per_example(
    loss: keras.losses.Loss, targets: Any, predictions: Any, sample_weight: Any
) -> PerExample:
    """Calls a loss without its reduction, and tells the mask that Keras used.

    A mask comes from a layer such as Embedding, or from the loss itself
    (`ignore_class`).
    """
    unreduced = _shallow_copy(loss)
    unreduced.reduction = None
    masks = [_mask_of(predictions)]

    def call(y_true: Any, y_pred: Any) -> Any:
        values = loss.call(y_true, y_pred)
        require_per_example(values, loss.name)
        masks.append(_mask_of(values))
        return values

    unreduced.call = call
    values = unreduced(targets, predictions, sample_weight)
    given = [mask for mask in masks if mask is not None]
    mask = None
    if given:
        mask = given[0] if len(given) == 1 else tf.logical_and(*given)
    weights = apply_mask(sample_weight, mask, loss.dtype, "mean_with_sample_weight")
    return PerExample(values, mask, weights)


def require_per_example(values: Any, name: str) -> None:
    """Refuses a loss that has summed up its examples already.

    Raises:
        ConfigError: It is a single number, from which no exact loss over several
            replicas can be made.
    """
    if len(values.shape) == 0:
        raise ConfigError(
            message(
                "A loss must return a value for each example, of shape (rows, ...).",
                "Leave out the last mean or sum over examples.",
                loss=name,
                shape=tuple(values.shape),
            )
        )


def _shallow_copy(value: Any) -> Any:
    """Copies an object of Keras, whose `copy.copy` saves and loads it instead."""
    twin = object.__new__(type(value))
    twin.__dict__.update(value.__dict__)
    return twin


def _mask_of(tensor: Any) -> Any:
    return getattr(tensor, "_keras_mask", None)


def apply_in_cross_replica_context(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[Any],
    variables: Sequence[keras.Variable],
) -> None:
    """Applies gradients that are already summed over the replicas, once for all.

    Keras's `LossScaleOptimizer.apply` refuses this context, since in its own way of
    working it would look at the gradients of the first replica only.
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer._common_apply(gradients, variables)
    else:
        optimizer.apply(gradients, variables)


@contextlib.contextmanager
def accumulation_taken_over(optimizer: keras.optimizers.Optimizer) -> Iterator[int]:
    """Takes gradient accumulation over from an optimizer that is built, for a while.

    Keras's own leaves a remainder at the end of an epoch and gives micro-batches of
    different size the same weight.

    Yields:
        Over how many batches to accumulate; 1 if not at all.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    steps = inner.gradient_accumulation_steps
    inner.gradient_accumulation_steps = None
    try:
        yield steps or 1
    finally:
        inner.gradient_accumulation_steps = steps


def given_learning_rate(optimizer: keras.optimizers.Optimizer) -> Any:
    """What an optimizer takes its learning rate from: a schedule, or a variable.

    `optimizer.learning_rate` is what comes out of a schedule.
    """
    return getattr(optimizer, "inner_optimizer", optimizer)._learning_rate


def seed_generators(model: keras.Model) -> list[keras.random.SeedGenerator]:
    """The random generators of all layers, in a fixed order."""
    holders = [model, *model._flatten_layers(include_self=False, recursive=True)]
    found = {id(g): g for holder in holders for g in holder._seed_generators}
    return list(found.values())


def overridden_methods(model: keras.Model, names: Sequence[str]) -> list[str]:
    """Which of these methods of `keras.Model` a model defines for itself."""
    return [
        name
        for name in names
        if getattr(type(model), name) is not getattr(keras.Model, name)
        and not getattr(type(model), name).__module__.startswith("keras.")
    ]


def set_synchronized(layer: keras.layers.BatchNormalization, value: bool) -> None:
    """Lets a BatchNorm that is built share its batch statistics between replicas."""
    layer.synchronized = value
