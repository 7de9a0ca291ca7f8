"""Configures and measures the GPU memory of a process."""

import tensorflow as tf

from ..core.errors import ConfigError, message

_MIB_PER_GIB = 1024
_GIB = 2**30


def set_gpu_memory_limit(gib: float) -> None:
    """Limits the memory that this process allocates on each visible GPU.

    Must be called before TensorFlow first uses a device: put it at the top of a script. On
    the command line, use the setting `trainer.gpu_memory_limit_gib`, which also applies to
    each process of a search whose trials share a GPU.

    Args:
        gib: Limit per GPU in GiB, above 0. Training that needs more raises
            `OutOfMemoryError`.

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

    Does not change GPUs that are already started, split or limited.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        if tf.config.get_logical_device_configuration(gpu) is not None:
            continue
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # already started
            return


def gpu_peaks_gib() -> dict[str, float]:
    """Returns the peak memory of TensorFlow on each GPU.

    The peak since the start of the process, or since the last call of
    `tf.config.experimental.reset_memory_stats`.

    Returns:
        GiB by name: `gpu_0`, `gpu_1`, ...; empty without GPUs.
    """
    count = len(tf.config.list_logical_devices("GPU"))
    infos = [tf.config.experimental.get_memory_info(f"GPU:{n}") for n in range(count)]
    return {f"gpu_{n}": float(info["peak"] / _GIB) for n, info in enumerate(infos)}
