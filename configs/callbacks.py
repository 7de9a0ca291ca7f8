"""The callbacks that ship with Keraunos, by their names in YAML, and their checks."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from ..core.errors import message
from ..core.names import did_you_mean, printable
from .monitoring_callbacks import (
    FiguresConfig,
    HealthConfig,
    JsonLogConfig,
    MetricsLogConfig,
    ProgressBarConfig,
    TensorBoardConfig,
)
from .problems import ProblemsError, describe
from .section import IMPORTABLE, Section
from .training_callbacks import (
    BackboneFinetuningConfig,
    EarlyStoppingConfig,
    LearningRateFinderConfig,
    ModelCheckpointConfig,
)
from .watching_callbacks import (
    AlertsConfig,
    EventLogConfig,
    HeartbeatConfig,
    PlateauWatchConfig,
    PrometheusConfig,
    StallWatchConfig,
    WorkerWatchConfig,
)

CALLBACKS: dict[str, type[Section]] = {
    "alerts": AlertsConfig,
    "backbone_finetuning": BackboneFinetuningConfig,
    "early_stopping": EarlyStoppingConfig,
    "event_log": EventLogConfig,
    "health": HealthConfig,
    "heartbeat": HeartbeatConfig,
    "json_log": JsonLogConfig,
    "learning_rate_finder": LearningRateFinderConfig,
    "metrics_log": MetricsLogConfig,
    "model_checkpoint": ModelCheckpointConfig,
    "figures": FiguresConfig,
    "plateau_watch": PlateauWatchConfig,
    "progress_bar": ProgressBarConfig,
    "prometheus": PrometheusConfig,
    "stall_watch": StallWatchConfig,
    "tensorboard": TensorBoardConfig,
    "worker_watch": WorkerWatchConfig,
}
OF_TRAINING = {"backbone_finetuning", "learning_rate_finder"}  # change how a model trains
# These show or report, and change neither what is trained nor what is kept.
SHOWING = CALLBACKS.keys() - OF_TRAINING - {"early_stopping", "model_checkpoint"}


def switched(callbacks: Any) -> Any:
    """Replaces false by null, and true by a group without options.

    Example:
        >>> switched({"early_stopping": False, "tensorboard": True})
        {'early_stopping': None, 'tensorboard': {}}
    """
    if not isinstance(callbacks, dict):
        return callbacks
    switches: dict[Any, Any] = {True: {}, False: None}
    return {
        label: switches[options] if isinstance(options, bool) else options
        for label, options in callbacks.items()
    }


def require_training(callbacks: dict[str, dict[str, Any] | None], head: str) -> None:
    """Rejects callbacks that change how a model trains if its head is fitted.

    Raises:
        ProblemsError: There are some; all are named.
    """
    lines = [
        message(
            f"`callbacks.{label}` needs a trained model, but head={head} is fitted.",
            f"Set callbacks.{label}=null, or model.head=linear.",
            **{"model.head": head},
        )
        for label, options in callbacks.items()
        if options is not None and callback_class(label, options)[0] in OF_TRAINING
    ]
    if lines:
        raise ProblemsError("\n".join(lines))


def check_callbacks(
    callbacks: dict[str, dict[str, Any] | None],
) -> dict[str, dict[str, Any] | None]:
    """Checks names and options of the callbacks in a configuration.

    The label is the name unless `class` gives another. Names in snake_case are ours,
    CamelCase is `keras.callbacks.X` and `package.module:Class` is anybody's; the latter
    two are looked up when they are made.

    Raises:
        ProblemsError: A name or option is unknown or wrong; all are named.
    """
    lines = []
    for label, options in callbacks.items():
        name, arguments = callback_class(label, options or {})
        of_keras = name[:1].isupper() and ":" not in name
        if of_keras or re.match(IMPORTABLE, name):
            continue
        if name not in CALLBACKS:
            known = f"There are {', '.join(CALLBACKS)}; or use a class of Keras."
            guess = did_you_mean(name, CALLBACKS) or known
            lines.append(f"`callbacks.{printable(label)}` is not a callback. {guess}")
            continue
        if options is None:
            continue
        try:
            CALLBACKS[name].model_validate(arguments)
        except ValidationError as error:
            lines.append(describe(error, CALLBACKS[name], f"callbacks.{label}"))
    lines += _of_soups(callbacks)
    if lines:
        raise ProblemsError("\n".join(lines))
    return callbacks


def _of_soups(callbacks: Mapping[str, dict[str, Any] | None]) -> Iterator[str]:
    """A soup averages weights, and what BatchNorm has measured fits none of their means."""
    checkpoint, tuning = (
        callbacks.get(label) or {} for label in ("model_checkpoint", "backbone_finetuning")
    )
    if checkpoint.get("soup") and tuning.get("train_batch_norm"):
        yield message(
            "A soup needs a model whose BatchNorm layers are frozen.",
            "Leave out one of the two.",
            **{
                "callbacks.model_checkpoint.soup": checkpoint["soup"],
                "callbacks.backbone_finetuning.train_batch_norm": True,
            },
        )


def callback_class(label: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The class name and the arguments that an entry of the map asks for."""
    arguments = dict(options)
    return str(arguments.pop("class", label)), arguments
