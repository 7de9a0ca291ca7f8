"""Rejects what can't be read, in a graph."""

from typing import Any

import tensorflow as tf

TOO_LARGE = "The image has more pixels than data.max_megapixels allows; height and width:"


def checked(value: Any, condition: Any, *words: Any) -> Any:
    """A tensor, if a condition holds.

    Args:
        value: What nothing may be done with otherwise.
        condition: A scalar.
        *words: What the error says.

    Raises:
        tf.errors.InvalidArgumentError: It does not hold.
    """
    with tf.control_dependencies([tf.debugging.Assert(condition, list(words))]):
        return tf.identity(value)
