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
def test_the_coarsest_layer_decides(policies: tuple[str, ...], dtype: str) -> None:
    assert Rounding(model(*policies)).dtype == dtype


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_last_bits_change_and_labels_do_not(dtype: str) -> None:
    rounding = Rounding(model("float32"))
    rounding.dtype = dtype
    values = tf.cast(tf.linspace(0.1, 0.9, 50), dtype)
    other = rounding.nudged({"values": values, "labels": tf.cast([0, 1, 7], dtype)})
    assert np.array_equal(other["labels"], tf.cast([0, 1, 7], dtype))
    apart = distance(values, other["values"])
    assert apart.min() > 0
    assert apart.max() <= 2.1 * float(np.spacing(np.ones((), values.numpy().dtype)))


def test_integers_and_what_is_no_tensor_stay() -> None:
    rounding = Rounding(model("float32"))
    assert rounding.nudged([None, tf.constant([1, 2])])[0] is None
    assert rounding.nudged(tf.constant([1, 2])).numpy().tolist() == [1, 2]


@pytest.mark.parametrize(
    ("whole", "cut", "nudged", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], [1.0, 2.0], False),
        ([1.0, 2.0], [1.0, 2.001], [1.0, 2.0], True),
        ([1.0, 2.0], [1.0, 2.00001], [1.0, 2.0], False),
        ([1.0, 2.0], [1.0, 2.001], [1.0, 2.0001], False),  # as far as rounding carries
        ([1.0, np.nan], [1.0, np.nan], [1.0, np.nan], False),
        ([1.0, 2.0], [1.0, np.nan], [1.0, 2.0], True),
        ([np.inf], [np.inf], [np.inf], False),
        ([3], [3], [3], False),
        ([3], [4], [3], True),
        ([1.0], [1.0, 1.0], [1.0], True),
        ([], [], [], False),
    ],
)
def test_what_differs_by_more_than_rounding(whole, cut, nudged, expected) -> None:
    assert differ(whole, cut, nudged, floor=1e-4) is expected
