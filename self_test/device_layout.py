"""The devices on which a check runs, configured before TensorFlow starts."""

from dataclasses import dataclass
from typing import Literal

from ..configs.choices import Accelerator

Kind = Literal["CPU", "GPU"]
Where = Literal["one", "several", "all", "workers"]


@dataclass(frozen=True)
class DeviceLayout:
    """Devices of one kind, each whole or split into logical ones.

    Attributes:
        kind: Kind of the devices.
        devices: Number of physical devices.
        parts: Number of logical devices into which each is split.
        part_megabytes: Memory of each part of a GPU; 0 for whole devices and for CPUs.
        workers: Number of worker processes that share the devices.

    Example:
        >>> DeviceLayout("GPU", 1, parts=2).describe()
        '1 GPU split in 2'
    """

    kind: Kind
    devices: int = 1
    parts: int = 1
    part_megabytes: int = 0
    workers: int = 0

    @property
    def replicas(self) -> int:
        """Number of devices that TensorFlow sees."""
        return self.devices * self.parts

    @property
    def accelerator(self) -> Accelerator:
        """The accelerator in the form that the Trainer takes."""
        return "gpu" if self.kind == "GPU" else "cpu"

    def describe(self) -> str:
        """Describes the devices in a few words."""
        name = f"{self.devices} {self.kind}{'s'[: self.devices > 1]}"
        if self.workers:
            return f"{self.workers} workers on {name}"
        return f"{name} split in {self.parts}" if self.parts > 1 else name

    def apply(self) -> None:
        """Configures TensorFlow, which must not have started yet."""
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if self.kind == "CPU":
            from ..strategies import set_cpu_devices

            tf.config.set_visible_devices([], "GPU")
            set_cpu_devices(self.parts)
            return
        tf.config.set_visible_devices(gpus[: self.devices], "GPU")
        part = tf.config.LogicalDeviceConfiguration(memory_limit=self.part_megabytes)
        for gpu in gpus[: self.devices]:
            if self.parts > 1:
                tf.config.set_logical_device_configuration(gpu, [part] * self.parts)
            else:
                tf.config.experimental.set_memory_growth(gpu, True)


# Assumed memory of a GPU that does not report it, and the share that two replicas use.
_UNKNOWN_MEGABYTES = 8192
_USED = 0.8


def find_layout(where: Where, gpus: int, gpu_megabytes: int = 0) -> DeviceLayout | None:
    """Finds the devices on which a check runs.

    Args:
        where: `"one"` device; `"several"` replicas, on a split device if there is only
            one; `"all"` GPUs, if there are several; `"workers"`, each with its own GPU, or
            two that share a CPU.
        gpus: Number of GPUs of the machine.
        gpu_megabytes: Memory of each GPU, or 0 if unknown.

    Returns:
        The devices, or None if the machine lacks them.

    Example:
        >>> [find_layout("several", gpus).describe() for gpus in (0, 1, 8)]
        ['1 CPU split in 2', '1 GPU split in 2', '8 GPUs']
        >>> find_layout("all", gpus=1)
    """
    if where == "one":
        return DeviceLayout("GPU" if gpus else "CPU")
    if where == "workers":
        several = DeviceLayout("GPU", gpus, workers=gpus)
        return several if gpus > 1 else DeviceLayout("CPU", workers=2)
    if gpus > 1:
        return DeviceLayout("GPU", gpus)
    if where == "all":
        return None
    if not gpus:
        return DeviceLayout("CPU", parts=2)
    part = int((gpu_megabytes or _UNKNOWN_MEGABYTES) * _USED / 2)
    return DeviceLayout("GPU", parts=2, part_megabytes=part)
