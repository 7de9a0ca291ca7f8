"""Outputs and targets as different from one another as a trained model might have them.

A model that has learned nothing says nearly the same of all rows, and the first rows of
the data may be of one class: there a batch may have no hit at all, whole and cut.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..step.keras_internals import with_attached

Floats = npt.NDArray[np.floating[Any]]


def drawn_outputs(predictions: Any, seed: int = 0) -> Any:
    """Numbers of the same shapes and kinds as a model's outputs.

    Args:
        predictions: In any structure. Probabilities of classes stay such, numbers
            between 0 and 1 stay between them, and others get a spread of about 1.
        seed: Other numbers for another.
    """
    random = np.random.default_rng(seed)

    def draw(tensor: Any) -> Any:
        if not isinstance(tensor, tf.Tensor) or not tensor.dtype.is_floating:
            return tensor  # a mask, say
        values = np.asarray(tf.cast(tensor, tf.float64))
        return tf.cast(_like(values, random), tensor.dtype)

    return tf.nest.map_structure(lambda each: with_attached(draw, each), predictions)


def drawn_targets(targets: Any, predictions: Any, seed: int = 1) -> Any:
    """Labels of the same shapes and kinds as targets; other targets as they are.

    Args:
        targets: In the structure of `predictions`, or else all are kept.
        predictions: Of the model; how many outputs there are tells the classes.
        seed: Other labels for another.
    """
    random = np.random.default_rng(seed)

    def draw(target: Any, output: Any) -> Any:
        tensors = isinstance(target, tf.Tensor) and isinstance(output, tf.Tensor)
        if not tensors or not output.shape.rank or not target.shape.rank:
            return target
        num_classes = max(output.shape[-1] or 1, 2)
        values = np.asarray(target)
        if target.dtype.is_integer and target.shape != output.shape:
            return tf.cast(random.integers(0, num_classes, values.shape), target.dtype)
        if target.dtype.is_floating or target.dtype.is_integer:
            return tf.cast(
                _labels_like(np.asarray(values, np.float64), random), target.dtype
            )
        return target

    try:
        tf.nest.assert_same_structure(targets, predictions)
    except (TypeError, ValueError):
        return targets
    return tf.nest.map_structure(draw, targets, predictions)


def _like(values: Floats, random: np.random.Generator) -> Floats:
    if values.min(initial=0) < 0 or values.max(initial=0) > 1:
        return values + random.normal(size=values.shape)
    drawn = random.uniform(size=values.shape)
    if not _sums_to_one(values):
        return drawn
    sharp = drawn**8  # some of them nearly 1
    return sharp / sharp.sum(axis=-1, keepdims=True)


def _labels_like(values: Floats, random: np.random.Generator) -> Floats:
    if not np.isin(values, (0, 1)).all():
        return values
    if _sums_to_one(values):
        classes = values.shape[-1]
        return np.eye(classes)[random.integers(0, classes, values.shape[:-1])]
    return random.integers(0, 2, values.shape).astype(values.dtype)


def _sums_to_one(values: Floats) -> bool:
    is_vector = values.ndim > 1 and values.shape[-1] > 1
    return bool(is_vector and np.allclose(values.sum(axis=-1), 1, atol=1e-2))
