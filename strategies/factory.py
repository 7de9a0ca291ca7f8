"""Creates `tf.distribute` strategies by name.

To add one, write a function of `Devices` and decorate it with `register_strategy`.
"""

from collections.abc import Callable
from typing import Literal

import tensorflow as tf

from ..configs.choices import Accelerator
from ..configs.familiar_arguments import familiar_value
from ..core.cluster import has_several_workers
from ..core.errors import ConfigError, message
from ..core.names import choose
from .devices import Devices, find_devices
from .multi_worker import multi_worker_strategy, workers_of
from .tensorflow_internals import isolated_mirrored_strategy

Factory = Callable[[Devices], tf.distribute.Strategy]

_FACTORIES: dict[str, Factory] = {}
MULTI_WORKER = "multi_worker"


def register_strategy(name: str) -> Callable[[Factory], Factory]:
    """Registers a factory of strategies under a name for `trainer.strategy`.

    Args:
        name: The name.

    Returns:
        A decorator for a function that creates a strategy from `Devices`.

    Example:
        >>> from keraunos.strategies import register_strategy
        >>> @register_strategy("first_device")
        ... def first_device(devices):
        ...     return tf.distribute.OneDeviceStrategy(devices.names[0])
    """

    def register(factory: Factory) -> Factory:
        _FACTORIES[name] = factory
        return factory

    return register


def require_outside_scope() -> None:
    """Checks that no strategy scope is active.

    Raises:
        ConfigError: Called within `with strategy.scope():`.
    """
    if tf.distribute.has_strategy():
        raise ConfigError(
            message(
                "A Trainer must be used outside of `with strategy.scope():`, which it "
                "enters itself.",
                "Move the call out of the `with` block.",
                strategy=type(tf.distribute.get_strategy()).__name__,
            )
        )


def strategy_names() -> tuple[str, ...]:
    """Returns the valid names for `trainer.strategy`."""
    return (*_FACTORIES, MULTI_WORKER)


def require_strategy_name(name: str) -> None:
    """Checks the name of a strategy.

    Raises:
        ConfigError: There is no such strategy.
    """
    setting = "trainer.strategy"
    choose(setting, name, dict.fromkeys(strategy_names()), familiar_value(setting, name))


def create_strategy(
    name: str = "auto",
    accelerator: Accelerator = "auto",
    devices: Literal["auto"] | int = "auto",
) -> tf.distribute.Strategy:
    """Creates the strategy of a run.

    Args:
        name: `"single"`, `"mirrored"`, `"multi_worker"`, a registered name, or `"auto"`:
            multi_worker if the environment configures several workers, mirrored if there
            are several devices, otherwise single.
        accelerator: See `find_devices`.
        devices: See `find_devices`.

    Returns:
        A strategy of TensorFlow.

    Raises:
        ConfigError: There is no such strategy, or there are too few devices.
    """
    require_strategy_name(name)
    # Before TensorFlow lists devices, after which it does not accept workers.
    if name == MULTI_WORKER or (name == "auto" and has_several_workers()):
        return multi_worker_strategy(accelerator, devices)
    return _FACTORIES[name](find_devices(accelerator, devices))


def describe_strategy(strategy: tf.distribute.Strategy, batch_size: int | None) -> str:
    """Describes the devices in one line.

    Args:
        strategy: Any strategy.
        batch_size: Global batch size, or None if unknown.
    """
    count = strategy.num_replicas_in_sync
    devices = map(tf.DeviceSpec.from_string, strategy.extended.worker_devices)
    names = ", ".join(f"{each.device_type}:{each.device_index}" for each in devices)
    workers = workers_of(strategy).count
    where = f" on each of {workers} workers" if workers > 1 else ""
    kind = type(strategy).__name__
    text = f"{names}{where} ({kind}, {count} replica{'s'[: count > 1]})"
    if batch_size is None or count == 1:
        return text
    return f"{text}, batch {batch_size} = {-(-batch_size // count)} on each"


@register_strategy("auto")
def _auto(devices: Devices) -> tf.distribute.Strategy:
    return _mirrored(devices) if len(devices.names) > 1 else _single(devices)


@register_strategy("single")
def _single(devices: Devices) -> tf.distribute.Strategy:
    return tf.distribute.OneDeviceStrategy(devices.names[0])


@register_strategy("mirrored")
def _mirrored(devices: Devices) -> tf.distribute.Strategy:
    return isolated_mirrored_strategy(devices.names)
