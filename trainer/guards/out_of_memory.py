"""Advice for errors caused by a lack of memory."""

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from ...core.errors import KeraunosError, OutOfMemoryError, message
from ...core.suggestion import Suggestion
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
        batch_size = batch_size_of(data)
        text = _advice(error, precision, batch_size)
        raise OutOfMemoryError(text, *_smaller_batches(batch_size)) from error


def _advice(error: BaseException, precision: str, batch_size: int | None) -> str:
    lower = "" if precision != "float32" else "mixed precision (`mixed_float16`), "
    return message(
        "A batch and its activations must fit into memory, but do not "
        f"({str(error).strip().splitlines()[0][:200]}).",
        "Checkpoints are intact; on a shared device, the same command resumes from them "
        "once memory is free again. Otherwise, start a new run_dir with smaller images, "
        f"{lower}more devices, or smaller batches whose gradients are accumulated "
        "(`gradient_accumulation_steps`).",
        batch_size=batch_size,
        precision=precision,
    )


def _smaller_batches(batch_size: int | None) -> list[Suggestion]:
    if batch_size is None or batch_size < 2:
        return []
    settings = {
        "data.batch_size": batch_size // 2,
        "optimizer.gradient_accumulation_steps": 2,
    }
    return [Suggestion("Try", settings, ", which trains on as many images per update.")]
