"""Disables dropout and makes random numbers constant, for comparisons.

Random numbers depend on the position in a batch, so a row would get another number in a
split batch than in the whole one.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

_SEED = (1, 2)
_DRAWS = ("normal", "truncated_normal", "uniform")


@contextlib.contextmanager
def held_randomness() -> Iterator[None]:
    """Replaces TensorFlow's random operations, which Keras uses as well. Eager mode only.

    Dropout returns its inputs; any other operation returns the same number for all
    elements. The generators of Python and NumPy are restored on exit.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with contextlib.ExitStack() as stack:
        stack.callback(random.setstate, python_state)
        stack.callback(np.random.set_state, numpy_state)
        for module, name, replacement in _replacements():
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, replacement)
        yield


def _replacements() -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    for name in _DRAWS:
        stateless = getattr(tf.random, f"stateless_{name}")
        yield tf.random, f"stateless_{name}", _broadcast_one_draw(stateless)
        yield tf.random, name, _without_seed(_broadcast_one_draw(stateless))
    yield tf.random, "stateless_categorical", _most_likely
    yield tf.random, "stateless_gamma", _mean_of_gamma
    yield tf.random, "stateless_binomial", _mean_of_binomial
    yield tf.nn, "dropout", _identity
    yield tf.nn.experimental, "stateless_dropout", _identity


def _broadcast_one_draw(stateless: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    def draw(shape: Any, seed: Any = None, *arguments: Any, **options: Any) -> tf.Tensor:
        return tf.broadcast_to(stateless((), _SEED, *arguments, **options), shape)

    return draw


def _without_seed(draw: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    def seedless(
        shape: Any, *arguments: Any, seed: Any = None, **options: Any
    ) -> tf.Tensor:
        return draw(shape, seed, *arguments[:3], **options)

    return seedless


def _identity(inputs: tf.Tensor, *_: Any, **__: Any) -> tf.Tensor:
    return tf.identity(inputs)


def _most_likely(logits: tf.Tensor, num_samples: int, **_: Any) -> tf.Tensor:
    return tf.repeat(tf.argmax(logits, axis=-1)[:, None], num_samples, axis=1)


def _mean_of_gamma(shape: Any, alpha: Any, beta: Any = None, **_: Any) -> tf.Tensor:
    return tf.broadcast_to(alpha if beta is None else alpha / beta, shape)


def _mean_of_binomial(
    shape: Any, counts: Any, probs: Any, output_dtype: Any = tf.int32, **_: Any
) -> tf.Tensor:
    mean = tf.cast(counts, tf.float32) * tf.cast(probs, tf.float32)
    return tf.broadcast_to(tf.cast(mean, output_dtype), shape)
