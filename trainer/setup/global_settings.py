"""Settings of the whole process that a fit needs, put back when it is over."""

import contextlib
import random
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from ...strategies.tensorflow_internals import global_seed_kept


@contextlib.contextmanager
def global_settings(seed: int, precision: str, deterministic: bool) -> Iterator[None]:
    """Sets the dtype policy and the seeds of Python, NumPy and TensorFlow for a while.

    Args:
        seed: From which weights are initialized.
        precision: Name of the dtype policy; `"float32"` leaves Keras's default alone.
        deterministic: Whether to ask TensorFlow for repeatable operations. That can't
            be taken back: it stays for the rest of the process.
    """
    policy = keras.config.dtype_policy()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    try:
        with global_seed_kept():
            keras.utils.set_random_seed(seed)
            if precision != "float32":
                keras.config.set_dtype_policy(precision)
            yield
    finally:
        keras.config.set_dtype_policy(policy)
        random.setstate(python_state)
        np.random.set_state(numpy_state)
