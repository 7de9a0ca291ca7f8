"""How much memory of a GPU a process takes: as much as it needs, up to a limit."""

import tensorflow as tf

from ..core.errors import ConfigError, message

_MIB_PER_GIB = 1024
_GIB = 2**30


def set_gpu_memory_limit(gib: float) -> None:
    """Limits what this process takes of each GPU that it sees.

    Must come before TensorFlow first uses a device: put it at the top of a script. On the
    command line the setting `trainer.gpu_memory_limit_gib` does this, also in each process
    of a search whose trials share a GPU.

    Args:
        gib: GiB of each GPU, above 0. What needs more fails with `OutOfMemoryError`.

    Raises:
        ConfigError: `gib` is not above 0, TensorFlow sees no GPU, or it has already
            started its GPUs without this limit.

    Example:
        >>> import keraunos as kr
        >>> kr.set_gpu_memory_limit(8)  # doctest: +SKIP
    """
    if not gib > 0:
        raise ConfigError(message("A GPU memory limit must be above 0 GiB.", gib=gib))
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        raise ConfigError(
            message(
                "A GPU memory limit needs a GPU, and TensorFlow sees none.",
                "Leave `trainer.gpu_memory_limit_gib` out.",
                gib=gib,
            )
        )
    let_memory_grow()
    limit = [tf.config.LogicalDeviceConfiguration(memory_limit=gib * _MIB_PER_GIB)]
    try:
        for gpu in gpus:
            tf.config.set_logical_device_configuration(gpu, limit)
    except RuntimeError:
        raise ConfigError(
            message(
                "TensorFlow has already started its GPUs without this memory limit.",
                "Call keraunos.set_gpu_memory_limit before anything else uses TensorFlow.",
                gib=gib,
            )
        ) from None


def let_memory_grow() -> None:
    """Makes TensorFlow allocate GPU memory as needed instead of all at once.

    Leaves alone what somebody has decided before: GPUs that have been started, or that were
    divided or limited.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        if tf.config.get_logical_device_configuration(gpu) is not None:
            continue
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # already started
            return


def gpu_peaks_gib() -> dict[str, float]:
    """The most that TensorFlow has held of each GPU; nothing without GPUs.

    Since the start, or since `tf.config.experimental.reset_memory_stats` was called.

    Returns:
        GiB by name: `gpu_0`, `gpu_1`, ...
    """
    count = len(tf.config.list_logical_devices("GPU"))
    infos = [tf.config.experimental.get_memory_info(f"GPU:{n}") for n in range(count)]
    return {f"gpu_{n}": float(info["peak"] / _GIB) for n, info in enumerate(infos)}
