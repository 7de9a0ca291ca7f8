"""What we lean on in Keras's losses without a public promise: see keras_internals.py."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras.src.losses import loss as keras_loss

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


def compiled_losses(model: keras.Model) -> list[CompiledLoss]:
    """The losses that a built model was compiled with, in Keras's order."""
    if model._compile_loss is None or not model._compile_loss.built:
        return []  # it is not built where there are no targets
    return [
        CompiledLoss(name, loss, 1.0 if weight is None else weight)
        for _, loss, weight, name in model._compile_loss._flat_losses
    ]


def ignored_losses(model: keras.Model) -> list[str]:
    """The losses that Keras leaves out: all but the first, if one output has several."""
    if not compiled_losses(model):
        return []
    same = [entry for entry in model._compile_loss._flat_losses if entry.path == ()]
    return [entry.loss.name for entry in same[1:]]


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
        weights: Sample weights times mask, or None if there are neither.
    """

    values: tf.Tensor
    mask: tf.Tensor | None
    weights: tf.Tensor | None


def per_example(
    loss: keras.losses.Loss, targets: Any, predictions: Any, sample_weight: Any
) -> PerExample | None:
    """Calls a loss without its reduction, and returns the mask that Keras used as well.

    A mask comes from a layer such as Embedding, or from the loss itself
    (`ignore_class`).

    Returns:
        None if the loss has values only for the batch as a whole, or is not made of
        `call` and `reduction` as Keras's are.
    """
    if type(loss).__call__ is not keras.losses.Loss.__call__:
        return None
    unreduced = _shallow_copy(loss)
    unreduced.__dict__["reduction"] = None
    masks = [_mask_of(predictions)]
    shapes: list[tf.TensorShape] = []

    def call(y_true: Any, y_pred: Any) -> Any:
        values = keras.ops.convert_to_tensor(loss.call(y_true, y_pred))
        shapes.append(values.shape)
        masks.append(_mask_of(values))
        return values

    unreduced.call = call
    values = unreduced(targets, predictions, sample_weight)
    if not _has_rows(shapes[0], predictions) or unreduced.reduction is not None:
        return None
    given = [mask for mask in masks if mask is not None]
    mask = None
    if given:
        mask = given[0] if len(given) == 1 else tf.logical_and(*given)
    weights = keras_loss.apply_mask(
        sample_weight, mask, loss.dtype, "mean_with_sample_weight"
    )
    return PerExample(values, mask, weights)


def _has_rows(shape: tf.TensorShape, predictions: Any) -> bool:
    """Whether values of a loss are of rows as predictions are, as far as can be told."""
    if not shape.rank:
        return False
    rows = tf.nest.flatten(predictions)[0].shape[0]
    return shape[0] == rows or shape[0] is None


def call_on_batch(
    loss: keras.losses.Loss,
    batch: tuple[Any, Any, Any],
    gather: Callable[[Any], Any],
) -> Any:
    """Calls a loss as it is on the examples of all replicas.

    Args:
        loss: Any that Keras takes.
        batch: Targets, predictions and sample weights of the calling replica.
        gather: Returns the rows of all replicas, in any structure.
    """
    mask = _mask_of(batch[1])
    targets, predictions, sample_weight, mask = gather((*batch, mask))
    if mask is not None:
        predictions._keras_mask = mask
    return loss(targets, predictions, sample_weight)


_scaling = threading.Lock()
_unscaled_depth = 0
_scale = keras_loss.scale_loss_for_distribution


@contextlib.contextmanager
def unscaled_losses() -> Iterator[None]:
    """Keeps losses that are called on a replica from being divided by their number.

    Keras divides what a loss object returns in `strategy.run`, as it adds up over the
    replicas what is a mean on each.
    """
    _count_unscaled(1)
    try:
        yield
    finally:
        _count_unscaled(-1)


def _count_unscaled(change: int) -> None:
    """Several threads trace at the same time, one for each replica."""
    global _unscaled_depth
    with _scaling:
        _unscaled_depth += change
        scale = _scale if _unscaled_depth == 0 else _unchanged
        keras_loss.scale_loss_for_distribution = scale


def _unchanged(value: Any) -> Any:
    return value


def _shallow_copy(value: Any) -> Any:
    """Copies an object of Keras, whose `copy.copy` saves and loads it instead."""
    twin = object.__new__(type(value))
    twin.__dict__.update(value.__dict__)
    return twin


def _mask_of(tensor: Any) -> Any:
    return getattr(tensor, "_keras_mask", None)
