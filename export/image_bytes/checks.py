"""Checks images within a graph."""

from typing import Any

import tensorflow as tf

TOO_LARGE = "The image has more pixels than data.max_megapixels allows; height and width:"


def checked(value: Any, condition: Any, *words: Any) -> Any:
    """Returns a tensor that depends on a condition.

    Args:
        value: The tensor.
        condition: Scalar bool.
        *words: The error message.

    Raises:
        tf.errors.InvalidArgumentError: The condition is false.
    """
    with tf.control_dependencies([tf.debugging.Assert(condition, list(words))]):
        return tf.identity(value)
