"""Restores the type of errors raised in a `tf.data` pipeline."""

import contextlib
import re
from collections.abc import Iterator

import tensorflow as tf

from ...core.errors import DataError

_OURS = re.compile(rf"\b{DataError.__name__}: (.*)$", re.MULTILINE)


@contextlib.contextmanager
def errors_of_pipelines() -> Iterator[None]:
    """Raises a `DataError` of a pipeline again, which TensorFlow replaced by its own error.

    Raises:
        DataError: It was raised within a `tf.data` pipeline.
    """
    try:
        yield
    except tf.errors.OpError as error:
        found = _OURS.search(error.message)
        if found is None:
            raise
        raise DataError(found[1]) from None
