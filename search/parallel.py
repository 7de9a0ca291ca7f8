"""Determines the number of parallel trials on this machine."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ..configs import TrainerConfig
from ..core.errors import ConfigError, message
from ..core.processes import visible_gpus
from ..core.suggestion import Suggestion

ParallelTrials = int | Literal["auto"]


class Parallel(NamedTuple):
    """The number of parallel trials.

    Attributes:
        trials: Number of trials that run at a time, each in its own process.
        reason: Why that many; empty if the number was given.
    """

    trials: int
    reason: str = ""


def trials_at_a_time(
    wanted: ParallelTrials, trainer: TrainerConfig, gpus: Sequence[str] | None = None
) -> Parallel:
    """Returns the number of trials at a time, without loading TensorFlow.

    `auto` is one per group of `trainer.devices` GPUs, or per GPU if that is also `auto`.
    Remaining GPUs stay idle.

    Args:
        wanted: A number, or `"auto"`.
        trainer: Settings of each trial.
        gpus: Names of the GPUs; by default those that this process sees.

    Raises:
        ConfigError: There are too few GPUs for the trials.

    Example:
        >>> trials_at_a_time("auto", TrainerConfig(devices=2), "01234567").trials
        4
    """
    found = [] if trainer.accelerator == "cpu" else gpus
    found = visible_gpus() if found is None else found
    each = 1 if trainer.devices == "auto" else trainer.devices
    if wanted != "auto":
        _require_gpus(wanted, each, len(found))
        return Parallel(wanted)
    if not found:
        return Parallel(1, "no GPU to divide; trials would share the CPU")
    _require_gpus(1, each, len(found))
    count = len(found) // each
    groups = (
        "one for each GPU" if each == 1 else f"one for each {each} of {len(found)} GPUs"
    )
    return Parallel(count, groups)


def _require_gpus(trials: int, each: int, found: int) -> None:
    """Rejects trials that need more GPUs than there are."""
    if found and each > 1 and trials * each > found:
        fewer = {"trainer.devices": max(found // trials, 1)}
        raise ConfigError(
            message(
                f"Each parallel trial needs its own {each} GPUs, but there are {found}.",
                **{"parallel_trials": trials, "trainer.devices": each},
            ),
            Suggestion("Try", fewer, ", or auto as the number of parallel trials."),
        )
