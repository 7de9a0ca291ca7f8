"""Imports TensorFlow without its startup messages."""

import atexit
import contextlib
import gc
import sys
from collections.abc import Iterator

from ..configs import TrainerConfig
from ..core.later_modules import deferred_imports
from ..core.startup_noise import ERRORS_ONLY, NOTHING, without_startup_noise

# These import scikit-learn and pyplot: a third of the time of all imports of Keras.
_RARELY_USED = ("keras.wrappers", "matplotlib.pyplot")


def load_tensorflow(
    trainer: TrainerConfig | None = None, *, is_quiet: bool = False
) -> None:
    """Imports TensorFlow without its startup messages, and configures its devices.

    Args:
        trainer: Settings to apply: `gpu_memory_limit_gib`; `cpu_devices` if there is no
            GPU, or `devices` if `accelerator` is `cpu`.
        is_quiet: Whether TensorFlow logs no errors, either: exceptions report them, too.
    """
    level = NOTHING if is_quiet else ERRORS_ONLY
    with without_startup_noise(level), _garbage_collection_paused():
        with deferred_imports(*_RARELY_USED):
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
def _garbage_collection_paused() -> Iterator[None]:
    """Pauses garbage collection during the first import, and then freezes its objects.

    The modules consist of some 300,000 permanent objects, and each collection over them
    takes a fraction of a second. Those at the end of the process, after all exit handlers,
    would only free what the system frees anyway.
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
        atexit.register(gc.freeze)
