"""Distinguishes real differences from rounding.

The effect of rounding depends on the model: in a deep network with BatchNorm, the last bit
of an input can change the third digit of an output. A batch is therefore run once more with
the last bits of all inputs and weights changed, and a difference counts only if it is much
larger than the effect of this change.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ...models.variables import all_layers
from ..step.keras_internals import with_attached

# Machine epsilon of each dtype, and relative differences that are ignored.
LAST_BITS = {
    "float64": 2.0**-52,
    "float32": 2.0**-23,
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
}
FLOORS = {"float64": 1e-9, "float32": 1e-4, "float16": 1e-2, "bfloat16": 3e-2}
# Factor by which a difference must exceed the effect of changed last bits.
SAFETY = 100


class Rounding:
    """Simulates rounding in the precision that a model computes in.

    Args:
        model: The model; the coarsest dtype of its layers counts.

    Attributes:
        dtype: Name of that dtype.
    """

    def __init__(self, model: keras.Model) -> None:
        types = {
            model.compute_dtype,
            *(layer.compute_dtype for layer in all_layers(model)),
        }
        self.dtype = max(types & FLOORS.keys(), key=FLOORS.__getitem__, default="float32")

    def nudged(self, structure: Any, seed: int = 0) -> Any:
        """Changes the last bits of values at random; whole numbers stay unchanged."""
        epsilon = LAST_BITS[self.dtype]

        def nudge(tensor: Any) -> Any:
            if not isinstance(tensor, tf.Tensor) or not tensor.dtype.is_floating:
                return tensor  # such as a mask
            up = tf.random.stateless_uniform(tf.shape(tensor), (seed, 1)) < 0.5
            factor = tf.where(up, *tf.constant([1 + epsilon, 1 - epsilon], tf.float64))
            other = tensor * tf.cast(factor, tensor.dtype)
            return tf.where(tensor == tf.round(tensor), tensor, other)

        return tf.nest.map_structure(lambda t: with_attached(nudge, t), structure)


def differ(whole: Any, cut: Any, nudged: Any, floor: float) -> bool:
    """Returns whether two arrays differ by more than rounding explains.

    Args:
        whole: Result of the whole batch.
        cut: Result of the split batch.
        nudged: Result of the whole batch with its last bits changed.
        floor: Difference that is ignored, relative to the largest value.
    """
    whole, cut, nudged = (np.asarray(each) for each in (whole, cut, nudged))
    if whole.shape != cut.shape:
        return True
    if not _is_float(whole):
        return not np.array_equal(whole, cut)
    scale = max(_largest(whole), _largest(cut))
    noise = _largest(distance(whole, nudged)) if nudged.shape == whole.shape else 0.0
    return bool(distance(whole, cut).max(initial=0) > floor * scale + SAFETY * noise)


def distance(first: Any, second: Any) -> npt.NDArray[np.float64]:
    """Returns absolute differences; equal infinities and two NaNs have the difference 0."""
    first, second = (np.asarray(each, np.float64) for each in (first, second))
    with np.errstate(invalid="ignore"):
        apart = np.abs(first - second)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def _is_float(array: npt.NDArray[Any]) -> bool:
    return array.dtype.kind == "f" or array.dtype == tf.bfloat16.as_numpy_dtype


def _largest(array: npt.NDArray[Any]) -> float:
    finite = np.abs(np.asarray(array, np.float64))
    return float(finite[np.isfinite(finite)].max(initial=0))
