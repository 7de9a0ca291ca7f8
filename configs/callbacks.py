"""The names and options of callbacks in a configuration, and their checks."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from ..core.errors import message
from ..core.names import did_you_mean, printable
from . import training_callbacks
from .monitoring_callbacks import (
    FiguresConfig,
    HealthConfig,
    JsonLogConfig,
    MetricsLogConfig,
    ProgressBarConfig,
    TensorBoardConfig,
)
from .problems import Problem, ProblemsError, problem, problems_of
from .section import IMPORTABLE, Section
from .training_callbacks import (
    BackboneFinetuningConfig,
    ChangesTraining,
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
TRAINING_CALLBACKS = {
    name for name, section in CALLBACKS.items() if issubclass(section, ChangesTraining)
}
# These only display or report: they affect neither training nor what is saved.
MONITORING_CALLBACKS = {
    name
    for name, section in CALLBACKS.items()
    if section.__module__ != training_callbacks.__name__
}


def normalize_switches(callbacks: Any) -> Any:
    """Replaces false with null, and true with a group without options.

    Example:
        >>> normalize_switches({"early_stopping": False, "tensorboard": True})
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
    """Rejects callbacks that change how a model trains if its head is only fitted.

    Raises:
        ProblemsError: There are such callbacks; the message lists all of them.
    """
    lines = [
        problem(
            f"callbacks.{label}",
            f"needs a trained model, but head={head} is fitted",
            f"Set callbacks.{label}=null, or model.head=linear.",
            **{"model.head": head},
        )
        for label, options in callbacks.items()
        if options is not None and callback_class(label, options)[0] in TRAINING_CALLBACKS
    ]
    if lines:
        raise ProblemsError(*lines)


def check_callbacks(
    callbacks: dict[str, dict[str, Any] | None],
) -> dict[str, dict[str, Any] | None]:
    """Checks the names and options of the callbacks in a configuration.

    The label is the name unless `class` gives another one. Names in snake_case are
    callbacks of Keraunos, names in CamelCase are in `keras.callbacks`, and
    `package.module:Class` is any class; the latter two are resolved on creation.

    Raises:
        ProblemsError: A name or option is unknown or invalid; the message lists all of
            them.
    """
    lines: list[Problem] = []
    for label, options in callbacks.items():
        name, arguments = callback_class(label, options or {})
        of_keras = name[:1].isupper() and ":" not in name
        if of_keras or re.match(IMPORTABLE, name):
            continue
        if name not in CALLBACKS:
            known = f"There are {', '.join(CALLBACKS)}; or use a class of Keras."
            guess = did_you_mean(name, CALLBACKS) or known
            setting = f"callbacks.{printable(label)}"
            lines.append(problem(setting, "is not a callback", guess))
            continue
        if options is None:
            continue
        try:
            CALLBACKS[name].model_validate(arguments)
        except ValidationError as error:
            lines += problems_of(error, CALLBACKS[name], f"callbacks.{label}")
    lines += _soup_problems(callbacks)
    if lines:
        raise ProblemsError(*lines)
    return callbacks


def _soup_problems(callbacks: Mapping[str, dict[str, Any] | None]) -> Iterator[Problem]:
    """Rejects soups of trained BatchNorm: its statistics do not fit averaged weights."""
    checkpoint, tuning = (
        callbacks.get(label) or {} for label in ("model_checkpoint", "backbone_finetuning")
    )
    if checkpoint.get("soup") and tuning.get("train_batch_norm"):
        setting = "callbacks.model_checkpoint.soup"
        text = message(
            "A soup needs a model whose BatchNorm layers are frozen.",
            "Leave out one of the two.",
            **{
                setting: checkpoint["soup"],
                "callbacks.backbone_finetuning.train_batch_norm": True,
            },
        )
        yield Problem(setting, text)


def callback_class(label: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Returns the class name and the arguments of an entry of `callbacks`."""
    arguments = dict(options)
    return str(arguments.pop("class", label)), arguments
