"""The callbacks of Keraunos by name, and the default callbacks of a run.

To add one: write its module, define its options in `configs/training_callbacks.py`,
`configs/monitoring_callbacks.py` or `configs/watching_callbacks.py`, register them in
`configs/callbacks.py`, and register the class here.
"""

import importlib
from pathlib import Path
from typing import Any

import keras

from ..configs import callback_class
from ..core.errors import ConfigError, message
from ..core.names import choose
from .alerts import Alerts
from .backbone_finetuning import BackboneFinetuning
from .base import Callback
from .early_stopping import EarlyStopping
from .event_log import EventLog
from .figures import Figures
from .health import Health
from .heartbeat import Heartbeat
from .json_log import JsonLog
from .keras_callback import as_callback
from .learning_rate_finder import LearningRateFinder
from .metrics_log import MetricsLog
from .model_checkpoint import ModelCheckpoint
from .plateau_watch import PlateauWatch
from .progress_bar import ProgressBar
from .prometheus import Prometheus
from .stall_watch import StallWatch
from .tensorboard import TensorBoard
from .worker_watch import WorkerWatch

CALLBACK_CLASSES: dict[str, type[Callback]] = {
    "alerts": Alerts,
    "backbone_finetuning": BackboneFinetuning,
    "early_stopping": EarlyStopping,
    "event_log": EventLog,
    "health": Health,
    "heartbeat": Heartbeat,
    "json_log": JsonLog,
    "learning_rate_finder": LearningRateFinder,
    "metrics_log": MetricsLog,
    "model_checkpoint": ModelCheckpoint,
    "figures": Figures,
    "plateau_watch": PlateauWatch,
    "progress_bar": ProgressBar,
    "prometheus": Prometheus,
    "stall_watch": StallWatch,
    "tensorboard": TensorBoard,
    "worker_watch": WorkerWatch,
}


def default_callbacks(run_dir: Path | None) -> dict[str, Callback]:
    """Creates the default callbacks of a run, by label and in order."""
    callbacks: dict[str, Callback] = {"health": Health(), "progress_bar": ProgressBar()}
    if run_dir is not None:
        callbacks |= {
            "event_log": EventLog(),
            "stall_watch": StallWatch(),
            "plateau_watch": PlateauWatch(),
            "worker_watch": WorkerWatch(),
            "metrics_log": MetricsLog(),
            "tensorboard": TensorBoard(),
            "figures": Figures(),
            "model_checkpoint": ModelCheckpoint(),
        }
    return callbacks


def create_callback(label: str, options: dict[str, Any]) -> Callback:
    """Creates the callback of a configuration entry.

    Args:
        label: The label of the entry.
        options: The arguments, and `class` if it differs from the label.

    Raises:
        ConfigError: There is no such class, or it rejects the arguments.

    Example:
        >>> create_callback("early_stopping", {"patience": 2}).patience
        2
    """
    name, arguments = callback_class(label, options)
    if ":" in name:
        made = _import(name, label)
    elif name[:1].isupper():
        made = choose(f"callbacks.{label}", name, _keras_callback_classes())
    else:
        made = choose(f"callbacks.{label}", name, CALLBACK_CLASSES)
    try:
        callback = made(**arguments)
    except (TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(
            message(
                f"The arguments of `callbacks.{label}` are rejected by {name}: {error}.",
                **arguments,
            )
        ) from None
    if not isinstance(callback, Callback | keras.callbacks.Callback):
        raise ConfigError(
            message(
                f"`callbacks.{label}` must name a class of callbacks.", **{"class": name}
            )
        )
    return as_callback(callback)


def _keras_callback_classes() -> dict[str, Any]:
    found = vars(keras.callbacks).items()
    return {name: value for name, value in found if isinstance(value, type)}


def _import(name: str, label: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            message(
                f"`callbacks.{label}` must name a class that can be imported ({error}).",
                "Is its folder on PYTHONPATH?",
                **{"class": name},
            )
        ) from None
