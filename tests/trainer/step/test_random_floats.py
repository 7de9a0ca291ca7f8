"""Random floats are made of random bits as TensorFlow's kernels make them."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keraunos.trainer.step.random_floats import normal, uniform

TYPES = (tf.float16, tf.bfloat16, tf.float32, tf.float64)
KERNELS = {
    "uniform": (uniform, tf.raw_ops.StatelessRandomUniformV2),
    "normal": (normal, tf.raw_ops.StatelessRandomNormalV2),
}


def drawn(
    seed: tf.Tensor, shape: tuple[int, ...], own: bool, types: Any = TYPES
) -> dict[str, Any]:
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    alg = tf.raw_ops.StatelessRandomGetAlg()
    return {
        f"{name} {dtype.name}": functions[not own](
            shape=shape, key=key, counter=counter, alg=alg, dtype=dtype
        )
        for name, functions in KERNELS.items()
        for dtype in types
    }


def assert_same(got: dict[str, Any], expected: dict[str, Any]) -> None:
    for name in expected:
        one, other = (np.asarray(each[name], np.float64) for each in (got, expected))
        assert len(np.unique(other)) > 50
        if name.startswith("uniform"):
            np.testing.assert_array_equal(one, other, name)
        else:
            digits = 1e-2 if "16" in name else 1e-5
            np.testing.assert_allclose(one, other, digits, digits, err_msg=name)


@pytest.mark.parametrize("shape", [(7, 33), (1001,)])
def test_random_floats_equal_tensorflow_kernels(shape: tuple[int, ...]) -> None:
    seed = tf.constant([3, -9])
    assert_same(drawn(seed, shape, own=True), drawn(seed, shape, own=False))


@pytest.mark.slow
@pytest.mark.parametrize(
    "types", [(tf.float32,), pytest.param(TYPES, marks=pytest.mark.nightly)]
)
def test_random_floats_equal_tensorflow_kernels_under_xla(types: Any) -> None:
    seed, shape = tf.constant([3, 9]), (7, 33)  # Keras never draws by negative seeds
    kernels = drawn(seed, shape, own=False, types=types)
    both = tf.function(
        lambda seed: [drawn(seed, shape, own, types) for own in (True, False)],
        jit_compile=True,
    )
    ours, of_xla = both(seed)
    assert_same(ours, kernels)
    assert not np.array_equal(of_xla["uniform float32"], kernels["uniform float32"])
