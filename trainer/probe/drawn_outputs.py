"""Draws random outputs and targets that vary like those of a trained model.

An untrained model predicts nearly the same for all rows, and the first rows of the data may
all have the same label. A metric could then be zero for the batch, whether split or not.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..step.keras_internals import with_attached

Floats = npt.NDArray[np.floating[Any]]


def drawn_outputs(predictions: Any, seed: int = 0) -> Any:
    """Draws values with the structure, shapes, dtypes and ranges of a model's outputs.

    Args:
        predictions: Outputs in any structure. Class probabilities are replaced by other
            class probabilities, values in [0, 1] by other values in [0, 1]; noise with a
            standard deviation of 1 is added to other values.
        seed: Seed of the draws.
    """
    random = np.random.default_rng(seed)

    def draw(tensor: Any) -> Any:
        if not isinstance(tensor, tf.Tensor) or not tensor.dtype.is_floating:
            return tensor  # such as a mask
        values = np.asarray(tf.cast(tensor, tf.float64))
        return tf.cast(_draw_outputs_like(values, random), tensor.dtype)

    return tf.nest.map_structure(lambda each: with_attached(draw, each), predictions)


def drawn_targets(targets: Any, predictions: Any, seed: int = 1) -> Any:
    """Draws labels with the shapes and dtypes of targets; keeps other targets.

    Args:
        targets: Targets; all are kept unless they have the structure of `predictions`.
        predictions: Outputs of the model; the last axis sets the number of classes.
        seed: Seed of the draws.
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
                _draw_labels_like(np.asarray(values, np.float64), random), target.dtype
            )
        return target

    try:
        tf.nest.assert_same_structure(targets, predictions)
    except (TypeError, ValueError):
        return targets
    return tf.nest.map_structure(draw, targets, predictions)


def _draw_outputs_like(values: Floats, random: np.random.Generator) -> Floats:
    if values.min(initial=0) < 0 or values.max(initial=0) > 1:
        return values + random.normal(size=values.shape)
    drawn = random.uniform(size=values.shape)
    if not _sums_to_one(values):
        return drawn
    sharp = drawn**8  # some of them nearly 1
    return sharp / sharp.sum(axis=-1, keepdims=True)


def _draw_labels_like(values: Floats, random: np.random.Generator) -> Floats:
    if not np.isin(values, (0, 1)).all():
        return values
    if _sums_to_one(values):
        classes = values.shape[-1]
        return np.eye(classes)[random.integers(0, classes, values.shape[:-1])]
    return random.integers(0, 2, values.shape).astype(values.dtype)


def _sums_to_one(values: Floats) -> bool:
    is_vector = values.ndim > 1 and values.shape[-1] > 1
    return bool(is_vector and np.allclose(values.sum(axis=-1), 1, atol=1e-2))
