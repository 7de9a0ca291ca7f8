"""How many trials run at a time on this machine."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ..configs import TrainerConfig
from ..core.errors import ConfigError, message
from ..core.processes import visible_gpus

ParallelTrials = int | Literal["auto"]


class Parallel(NamedTuple):
    """What was decided.

    Attributes:
        trials: How many run at a time, each in a process of its own.
        reason: Why so many; empty where the number was given.
    """

    trials: int
    reason: str = ""


def trials_at_a_time(
    wanted: ParallelTrials, trainer: TrainerConfig, gpus: Sequence[str] | None = None
) -> Parallel:
    """How many trials run at a time; known before TensorFlow is loaded.

    `auto` is one for each group of `trainer.devices` GPUs, a group being one GPU where that
    is `auto`, too. GPUs that are left over stay idle.

    Args:
        wanted: A number, or `"auto"`.
        trainer: Settings of each trial.
        gpus: Their names; by default those that this process sees.

    Raises:
        ConfigError: There are not as many GPUs as trials need, each some of its own.

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
    """Refuses trials that need several GPUs and would not see as many."""
    if found and each > 1 and trials * each > found:
        raise ConfigError(
            message(
                f"Each of {trials} trials at a time must have {each} GPUs of its own, and "
                f"there are {found}.",
                f"Try trainer.devices={max(found // trials, 1)}, or leave "
                "--parallel-trials to auto.",
                **{"parallel_trials": trials, "trainer.devices": each},
            )
        )
