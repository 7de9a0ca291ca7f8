"""Advice for errors caused by a lack of memory."""

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from ...core.errors import KeraunosError, OutOfMemoryError, message
from ..contracts import batch_size_of

FULL_DISK = "No space left"  # TensorFlow raises the same error for disk and memory


@contextlib.contextmanager
def memory_advice(precision: str, data: Any) -> Iterator[None]:
    """Converts out-of-memory errors into ones that explain what to change.

    Args:
        precision: The precision of training.
        data: The data passed to `Trainer.fit`.

    Raises:
        OutOfMemoryError: The context ran out of memory.
    """
    try:
        yield
    except KeraunosError:
        raise
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        if FULL_DISK in str(error):
            raise
        raise OutOfMemoryError(_advice(error, precision, data)) from error


def _advice(error: BaseException, precision: str, data: Any) -> str:
    batch_size = batch_size_of(data)
    smaller = max(batch_size // 2, 1) if batch_size else "half of it"
    lower = "" if precision != "float32" else "trainer.precision=mixed_float16, "
    return message(
        "A batch and its activations must fit into memory, but do not "
        f"({str(error).strip().splitlines()[0][:200]}).",
        f"Try data.batch_size={smaller} with optimizer.gradient_accumulation_steps=2, "
        f"which trains on as many images per update; {lower}a smaller data.image_size, or "
        "more devices. These settings need a new run_dir. Checkpoints are intact; on a "
        "shared device, the same command resumes from them once memory is free again.",
        batch_size=batch_size,
        precision=precision,
    )
