"""Wraps the internals of Keras's losses that we use; see keras_internals.py."""

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
        name: Name of the output or the loss.
        loss: Keras's loss object.
        weight: Weight in `loss_weights`; 1 by default.
    """

    name: str
    loss: keras.losses.Loss
    weight: float


def compiled_losses(model: keras.Model) -> list[CompiledLoss]:
    """Returns the losses that a built model was compiled with, in Keras's order."""
    if model._compile_loss is None or not model._compile_loss.built:
        return []  # not built without targets
    return [
        CompiledLoss(name, loss, 1.0 if weight is None else weight)
        for _, loss, weight, name in model._compile_loss._flat_losses
    ]


def ignored_losses(model: keras.Model) -> list[str]:
    """Returns the names of losses that Keras ignores: all after the first of one output."""
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

    Keras matches targets, predictions and weights of any structure to its losses. This uses
    the matching but not the arithmetic, which is wrong on several replicas.

    Args:
        model: The model, built and compiled.
        functions: A function per element of `compiled_losses`, called with targets,
            predictions and weights; the returned number is not used.
        targets: Targets in the structure of the data.
        predictions: Outputs of the model.
        sample_weight: Weights in the structure of the data, or None.
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
        values: Loss times sample weights and mask, `(rows, ...)`.
        mask: Mask of the values that count, or None for all.
        weights: Sample weights times mask, or None if there are neither.
    """

    values: tf.Tensor
    mask: tf.Tensor | None
    weights: tf.Tensor | None


def per_example(
    loss: keras.losses.Loss, targets: Any, predictions: Any, sample_weight: Any
) -> PerExample | None:
    """Calls a loss without its reduction.

    A mask comes from a layer such as Embedding, or from the loss itself (`ignore_class`).

    Returns:
        Values and mask, or None if the loss returns one value per batch or overrides
        `__call__`.
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
    """Returns whether values of a loss may have as many rows as predictions."""
    if not shape.rank:
        return False
    rows = tf.nest.flatten(predictions)[0].shape[0]
    return shape[0] == rows or shape[0] is None


def call_on_batch(
    loss: keras.losses.Loss,
    batch: tuple[Any, Any, Any],
    gather: Callable[[Any], Any],
) -> Any:
    """Calls an unchanged loss on the examples of all replicas.

    Args:
        loss: Any loss of Keras.
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
    """Prevents Keras from dividing losses by the number of replicas.

    Keras divides the result of a loss in `strategy.run`, since it sums the means of the
    replicas.
    """
    _count_unscaled(1)
    try:
        yield
    finally:
        _count_unscaled(-1)


def _count_unscaled(change: int) -> None:
    """Counts nested contexts over all threads, since each replica traces in its own."""
    global _unscaled_depth
    with _scaling:
        _unscaled_depth += change
        scale = _scale if _unscaled_depth == 0 else _unchanged
        keras_loss.scale_loss_for_distribution = scale


def _unchanged(value: Any) -> Any:
    return value


def _shallow_copy(value: Any) -> Any:
    """Copies an object of Keras, for which `copy.copy` would serialize it."""
    twin = object.__new__(type(value))
    twin.__dict__.update(value.__dict__)
    return twin


def _mask_of(tensor: Any) -> Any:
    return getattr(tensor, "_keras_mask", None)
