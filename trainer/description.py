"""Describes a run at its start."""

from platform import python_version
from typing import Any

import tensorflow as tf

from ..callbacks import CallbackList, RunState
from ..core.counted import counted
from ..core.machine import version_of
from ..models import Module
from ..strategies import describe_strategy
from .checkpoint.resume import Resumption
from .contracts import DescribesItself, batch_size_of


def describe_run(
    run: RunState,
    module: Module,
    callbacks: CallbackList,
    reason_against_features: str,
    resumption: Resumption | None,
) -> list[str]:
    """Describes a run, one line per fact; facts known before the model come first."""
    lines = [
        *describe_devices(run.strategy, batch_size_of(run.data)),
        *describe_data(run.data),
        _describe_fitting() if module.is_fitted else _describe_steps(run),
        f"model: {module.describe(run.model)}",
        _features(reason_against_features),
        *_initial_weights(run, resumption),
        f"run directory: {run.run_dir or 'none, nothing is written'}",
    ]
    if not run.settings["trainer"]["check_replicas"]:
        lines.append("replicas: not checked; results may depend on their number")
    if callbacks.not_resumable():
        names = ", ".join(callbacks.not_resumable())
        lines.append(f"callbacks that start over when a run is resumed: {names}")
    for label, hooks in callbacks.uncalled_hooks().items():
        lines.append(
            f"hooks of the callback {label} that are not called: {', '.join(hooks)}"
        )
    return lines + (_describe_resumption(run, module, resumption) if resumption else [])


def describe_devices(strategy: tf.distribute.Strategy, batch_size: int | None) -> list[str]:
    """Describes the devices of a run."""
    return [_versions(), f"devices: {describe_strategy(strategy, batch_size)}"]


def describe_data(data: Any) -> list[str]:
    """Describes the data, if it supports this."""
    lines = data.describe() if isinstance(data, DescribesItself) else []
    return [f"data: {line}" for line in lines]


def _initial_weights(run: RunState, resumption: Resumption | None) -> list[str]:
    path = run.settings.get("initial_weights")
    return [] if path is None or resumption else [f"initial weights: {path}"]


def _describe_steps(run: RunState) -> str:
    epochs = f"at most {counted(run.max_epochs, 'epoch')}"
    if run.steps_per_epoch is None:
        return f"steps: number per epoch unknown until the first epoch ends, {epochs}"
    return f"steps: {run.steps_per_epoch} per epoch, {epochs}"


def _describe_fitting() -> str:
    return (
        "steps: none, because the head is fitted to all training images at once (to each "
        "version if augmentation.views is a number, otherwise without augmentation); one "
        "epoch evaluates it"
    )


def _describe_resumption(
    run: RunState, module: Module, resumption: Resumption
) -> list[str]:
    where = f"epoch {run.epoch + 1}, after {counted(run.step, 'step')}"
    remarks = [*resumption.skipped, *_describe_changes(resumption)]
    lines = [f"resumed: {resumption.path.name} ({where})", *remarks]
    if module.is_fitted and run.epoch >= run.max_epochs:
        return ["this run is finished: the head is fitted", *remarks]
    if run.stop_reason is not None or run.epoch >= run.max_epochs:
        reason = run.stop_reason or f"max_epochs={run.max_epochs} is reached"
        lines = [
            f"this run is finished: {reason}. To continue, raise the limit that ended it, "
            "such as trainer.max_epochs",
            *remarks,
        ]
    return lines


def _describe_changes(resumption: Resumption) -> list[str]:
    diffs = [change.diff for change in resumption.changes]
    return ["settings that differ from before:", *diffs] if diffs else []


def _features(reason_against: str) -> str:
    if reason_against:
        return f"features: not cached ({reason_against})"
    return "features: computed once per image and version, and cached"


def _versions() -> str:
    names = ("keraunos", "tensorflow", "keras")
    versions = [f"{name} {version_of(name)}" for name in names]
    return f"{', '.join(versions)}, Python {python_version()}"
