"""Finds the devices that TensorFlow can use, and splits the CPU into virtual ones."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tensorflow as tf

from ..configs.choices import Accelerator
from ..core.environment import number_of
from ..core.errors import ConfigError, message
from ..core.extras import install_command
from ..core.startup_noise import without_startup_noise
from ..core.suggestion import Suggestion
from .gpu_memory import let_memory_grow

CPU_DEVICES_VARIABLE = "KERAUNOS_CPU_DEVICES"
MAX_CPU_DEVICES = 1024


@dataclass(frozen=True)
class Devices:
    """The devices chosen for a run.

    Attributes:
        kind: `"GPU"` or `"CPU"`.
        names: Logical device names such as `"/device:GPU:0"`.
        virtual: Whether they are virtual devices of one CPU.
    """

    kind: Literal["GPU", "CPU"]
    names: tuple[str, ...]
    virtual: bool = False


def find_devices(
    accelerator: Accelerator = "auto", devices: Literal["auto"] | int = "auto"
) -> Devices:
    """Chooses the devices of a run.

    Args:
        accelerator: `"gpu"` requires GPUs, `"cpu"` ignores them; `"auto"` uses GPUs if
            TensorFlow sees some, and requires them if the machine has an NVIDIA driver.
        devices: Number of devices, or `"auto"` for all.

    Returns:
        The devices, in TensorFlow's order.

    Raises:
        ConfigError: There are fewer devices than requested, or a required GPU is missing.
    """
    if accelerator != "cpu":
        gpus = _gpus()
        if gpus:
            return Devices("GPU", _choose_devices(gpus, devices, "GPU"))
        if accelerator == "gpu" or _has_nvidia_driver():
            raise _no_gpu_error(accelerator)
    cpus = tf.config.list_logical_devices("CPU")
    names = tuple(device.name for device in cpus)
    return Devices("CPU", _choose_devices(names, devices, "CPU"), virtual=len(names) > 1)


def set_cpu_devices(count: int) -> None:
    """Splits the CPU into virtual devices, to try out several replicas.

    Must be called before TensorFlow first uses a device: put it at the top of a script, or
    set the environment variable KERAUNOS_CPU_DEVICES.

    Args:
        count: Number of devices, from 1 to 1024.

    Raises:
        ConfigError: `count` is not an integer from 1 to 1024, or TensorFlow has already
            started with another number of devices.

    Example:
        >>> import keraunos as kr
        >>> kr.set_cpu_devices(2)  # doctest: +SKIP
    """
    if not isinstance(count, int) or not 1 <= count <= MAX_CPU_DEVICES:
        limits = f"from 1 to {MAX_CPU_DEVICES} on the CPU"
        raise ConfigError(
            message(f"`devices` must be a whole number {limits}.", devices=count)
        )
    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
    try:
        tf.config.set_logical_device_configuration(cpu, parts)
    except RuntimeError:
        present = len(tf.config.list_logical_devices("CPU"))
        if present != count:
            raise ConfigError(
                message(
                    f"TensorFlow has already started with {present} CPU devices.",
                    "Call keraunos.set_cpu_devices before anything else uses "
                    f"TensorFlow, or set {CPU_DEVICES_VARIABLE}={count}.",
                    devices=count,
                )
            ) from None


def apply_cpu_devices_variable() -> None:
    """Splits the CPU into as many devices as KERAUNOS_CPU_DEVICES says, if it is set."""
    most = MAX_CPU_DEVICES
    count = number_of(CPU_DEVICES_VARIABLE, 0, "devices", 1, most, is_whole=True)
    if count:
        set_cpu_devices(int(count))


def _gpus() -> tuple[str, ...]:
    with without_startup_noise():
        let_memory_grow()
        return tuple(device.name for device in tf.config.list_logical_devices("GPU"))


def _has_nvidia_driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists()


def _choose_devices(
    names: tuple[str, ...], count: Literal["auto"] | int, kind: str
) -> tuple[str, ...]:
    if count == "auto":
        return names if kind == "GPU" or len(names) > 1 else names[:1]
    if count > len(names):
        remedy = (
            f"Set KERAUNOS_CPU_DEVICES={count} for virtual devices."
            if kind == "CPU"
            else f"Use devices={len(names)} or devices=auto."
        )
        raise ConfigError(
            message(
                f"`trainer.devices` must be at most {len(names)}, the number of {kind}s "
                "that TensorFlow can see.",
                remedy,
                devices=count,
            )
        )
    return names[:count]


def _no_gpu_error(accelerator: str) -> ConfigError:
    driver = (
        "The machine has an NVIDIA driver, but TensorFlow sees no GPU: install the "
        f"CUDA libraries with `{install_command('cuda')}`"
        if _has_nvidia_driver()
        else "TensorFlow sees no GPU and the machine has no NVIDIA driver"
    )
    return ConfigError(
        message(
            "`trainer.accelerator` must be available on this machine.",
            f"{driver}. `keraunos doctor` shows what TensorFlow sees.",
            accelerator=accelerator,
        ),
        Suggestion("Or choose", {"trainer.accelerator": "cpu"}, "."),
    )
