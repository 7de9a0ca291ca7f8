"""Gives errors that left a `tf.data` pipeline their own kind back."""

import contextlib
import re
from collections.abc import Iterator

import tensorflow as tf

from ...core.errors import DataError

_OURS = re.compile(rf"\b{DataError.__name__}: (.*)$", re.MULTILINE)


@contextlib.contextmanager
def errors_of_pipelines() -> Iterator[None]:
    """Surrounds what reads data.

    Raises:
        DataError: One was raised in a pipeline, from which TensorFlow only lets errors
            of its own come out.
    """
    try:
        yield
    except tf.errors.OpError as error:
        found = _OURS.search(error.message)
        if found is None:
            raise
        raise DataError(found[1]) from None
