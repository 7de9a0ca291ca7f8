"""Leaves the accelerators to the worker processes."""

import contextlib
import os

import tensorflow as tf


def give_up_gpus() -> list[str]:
    """Keeps this process off the GPUs.

    Returns:
        Their names, as CUDA_VISIBLE_DEVICES writes them.
    """
    found = tf.config.list_physical_devices("GPU")
    with contextlib.suppress(RuntimeError):  # the user's program is on them already
        tf.config.set_visible_devices([], "GPU")
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = named.split(",") if named else map(str, range(len(found)))
    return [name for name, _ in zip(names, found, strict=False)]
