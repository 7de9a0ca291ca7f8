"""Sets process-wide settings for a fit, and restores them afterwards."""

import contextlib
import random
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from ...strategies.tensorflow_internals import preserved_global_seed


@contextlib.contextmanager
def global_settings(seed: int, precision: str, deterministic: bool) -> Iterator[None]:
    """Sets the dtype policy and the seeds of Python, NumPy and TensorFlow in a context.

    Args:
        seed: Seed of weight initialization.
        precision: Name of the dtype policy; `"float32"` keeps Keras's current default.
        deterministic: Whether to enable TensorFlow's op determinism, which can't be
            disabled again in the process.
    """
    policy = keras.config.dtype_policy()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    try:
        with preserved_global_seed():
            keras.utils.set_random_seed(seed)
            if precision != "float32":
                keras.config.set_dtype_policy(precision)
            yield
    finally:
        keras.config.set_dtype_policy(policy)
        random.setstate(python_state)
        np.random.set_state(numpy_state)
