"""Draws random floats that are the same with and without XLA.

For the same seed, TensorFlow and XLA draw the same random bits but convert them to
different floats: TensorFlow fills the mantissa with the lowest bits of a word, XLA with the
highest. A dropout mask would change with the compiler. These functions compute the results
of TensorFlow's kernels from bits on which both agree: those of non-negative seeds, which
all seeds of Keras are.
"""

import math
from typing import Any, NamedTuple

import tensorflow as tf

_SMALLEST = 1e-7  # used by TensorFlow instead of 0, which has no logarithm


class _Format(NamedTuple):
    """The format of a floating-point dtype."""

    words: tf.DType  # of the drawn integers
    bits: tf.DType  # integers as wide as the float
    mantissa: int  # number of bits
    exponent: int  # biased, of numbers from 1 to 2


_FORMATS = {
    tf.float16: _Format(tf.uint32, tf.uint16, 10, 15),
    tf.bfloat16: _Format(tf.uint32, tf.uint16, 7, 127),
    tf.float32: _Format(tf.uint32, tf.uint32, 23, 127),
    tf.float64: _Format(tf.uint64, tf.uint64, 52, 1023),
}


def uniform(
    shape: Any, key: Any, counter: Any, alg: Any, dtype: Any = tf.float32, name: Any = None
) -> tf.Tensor:
    """Draws from [0, 1), bit-identical to `StatelessRandomUniformV2`.

    Args:
        shape: Shape of the result.
        key: Key of the generator, `(1,)` uint64.
        counter: Counter of the generator, `(2,)` uint64.
        alg: The algorithm, scalar int32.
        dtype: float16, bfloat16, float32 or float64.
        name: Name of the operation.
    """
    dtype = tf.as_dtype(dtype)
    form = _FORMATS[dtype]
    words = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=shape, key=key, counter=counter, alg=alg, dtype=form.words, name=name
    )
    if form.words == tf.uint64:  # TensorFlow takes its halves in the other order
        half = tf.constant(32, tf.uint64)
        words = tf.bitwise.left_shift(words, half) | tf.bitwise.right_shift(words, half)
    mantissa = tf.cast(words & ((1 << form.mantissa) - 1), form.bits)
    one_to_two = mantissa | (form.exponent << form.mantissa)
    return tf.bitcast(one_to_two, dtype) - tf.ones((), dtype)


def normal(
    shape: Any, key: Any, counter: Any, alg: Any, dtype: Any = tf.float32, name: Any = None
) -> tf.Tensor:
    """Draws from the standard normal distribution, like `StatelessRandomNormalV2`.

    The last bits may differ, since XLA has its own logarithms and sines.

    Args:
        shape: Shape of the result.
        key: Key of the generator, `(1,)` uint64.
        counter: Counter of the generator, `(2,)` uint64.
        alg: The algorithm, scalar int32.
        dtype: float16, bfloat16, float32 or float64.
        name: Name of the operation.
    """
    dtype = tf.as_dtype(dtype)
    wide = tf.float64 if dtype == tf.float64 else tf.float32
    size = tf.reduce_prod(tf.cast(shape, tf.int32))
    pairs = uniform([(size + 1) // 2, 2], key, counter, alg, wide, name)
    radius = tf.sqrt(-2.0 * tf.math.log(tf.maximum(pairs[:, 0], _SMALLEST)))
    angle = 2.0 * math.pi * pairs[:, 1]
    both = tf.stack([radius * tf.sin(angle), radius * tf.cos(angle)], axis=1)
    return tf.cast(tf.reshape(tf.reshape(both, [-1])[:size], shape), dtype)
