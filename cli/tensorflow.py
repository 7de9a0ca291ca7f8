"""Loads TensorFlow without the lines that it writes about itself."""

import contextlib
import gc
import os
import re
import sys
import tempfile
from collections.abc import Iterator

from ..configs import TrainerConfig
from ..core.later_modules import loaded_later

# Keras imports scikit-learn and pyplot for these: a third of what all imports take.
_SELDOM_USED = ("keras.wrappers", "matplotlib.pyplot")
_NOISE = re.compile(
    rb"^(I\d{4} |WARNING: All log messages before absl|To enable the following "
    rb"instructions|E\d{4} .*(cuInit|Unable to register cu)|W\d{4} .*(TF-TRT|cuda))"
)


def load_tensorflow(trainer: TrainerConfig | None = None) -> None:
    """Imports TensorFlow quietly, and prepares its devices as they are wanted.

    Args:
        trainer: Whose `gpu_memory_limit_gib` is set, and whose `cpu_devices` (where there
            is no GPU), or `devices` with `accelerator=cpu`, are made.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _without_noise(), _modules_kept_out_of_garbage():
        with loaded_later(*_SELDOM_USED):
            import keras  # noqa: F401
            import tensorflow as tf

        from ..strategies.devices import apply_cpu_devices_variable, set_cpu_devices
        from ..strategies.gpu_memory import set_gpu_memory_limit

        has_gpu = bool(tf.config.list_physical_devices("GPU"))
        count = _cpu_devices(trainer, has_gpu)
        if count is None:
            apply_cpu_devices_variable()
        else:
            set_cpu_devices(count)
        if trainer is not None and trainer.gpu_memory_limit_gib is not None:
            set_gpu_memory_limit(trainer.gpu_memory_limit_gib)


def _cpu_devices(trainer: TrainerConfig | None, has_gpu: bool) -> int | None:
    if trainer is None or trainer.accelerator == "gpu":
        return None
    if trainer.accelerator == "cpu" and trainer.devices != "auto":
        return trainer.devices
    uses_gpu = has_gpu and trainer.accelerator == "auto"
    return None if uses_gpu else trainer.cpu_devices


@contextlib.contextmanager
def _modules_kept_out_of_garbage() -> Iterator[None]:
    """Never looks for garbage among modules that are loaded within, if they are new.

    They are some 300,000 objects that stay, and each look takes a part of a second.
    """
    if "tensorflow" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def _without_noise() -> Iterator[None]:
    """Holds back standard error, and lets through at the end what is not known noise."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        original = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)
            held.seek(0)
            lines = [line for line in held if not _NOISE.match(line)]
            os.write(2, b"".join(lines))
