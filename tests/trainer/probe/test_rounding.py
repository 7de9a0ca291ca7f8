import keras
import numpy as np
import pytest
import tensorflow as tf
from keraunos.trainer.probe.rounding import Rounding, differ, distance


def model(*policies: str) -> keras.Model:
    dense = [keras.layers.Dense(2, dtype=policy) for policy in policies]
    return keras.Sequential([keras.Input((2,)), *dense])


@pytest.mark.parametrize(
    ("policies", "dtype"),
    [
        (("float32",), "float32"),
        (("float32", "mixed_float16"), "float16"),
        (("mixed_bfloat16", "mixed_float16"), "bfloat16"),
    ],
)
def test_coarsest_layer_sets_the_rounding_dtype(
    policies: tuple[str, ...], dtype: str
) -> None:
    assert Rounding(model(*policies)).dtype == dtype


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_nudging_changes_only_the_last_bits_and_keeps_labels(dtype: str) -> None:
    rounding = Rounding(model("float32"))
    rounding.dtype = dtype
    values = tf.cast(tf.linspace(0.1, 0.9, 50), dtype)
    other = rounding.nudged({"values": values, "labels": tf.cast([0, 1, 7], dtype)})
    assert np.array_equal(other["labels"], tf.cast([0, 1, 7], dtype))
    apart = distance(values, other["values"])
    assert apart.min() > 0
    assert apart.max() <= 2.1 * float(np.spacing(np.ones((), values.numpy().dtype)))


def test_nudging_keeps_integers_and_non_tensors() -> None:
    rounding = Rounding(model("float32"))
    assert rounding.nudged([None, tf.constant([1, 2])])[0] is None
    assert rounding.nudged(tf.constant([1, 2])).numpy().tolist() == [1, 2]


@pytest.mark.parametrize(
    ("whole", "cut", "nudged", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], [1.0, 2.0], False),
        ([1.0, 2.0], [1.0, 2.001], [1.0, 2.0], True),
        ([1.0, 2.0], [1.0, 2.00001], [1.0, 2.0], False),
        ([1.0, 2.0], [1.0, 2.001], [1.0, 2.0001], False),  # within what rounding explains
        ([1.0, np.nan], [1.0, np.nan], [1.0, np.nan], False),
        ([1.0, 2.0], [1.0, np.nan], [1.0, 2.0], True),
        ([np.inf], [np.inf], [np.inf], False),
        ([3], [3], [3], False),
        ([3], [4], [3], True),
        ([1.0], [1.0, 1.0], [1.0], True),
        ([], [], [], False),
    ],
)
def test_differences_beyond_rounding_are_detected(whole, cut, nudged, expected) -> None:
    assert differ(whole, cut, nudged, floor=1e-4) is expected
