"""The progress of a run, saved in checkpoints and restored on resuming."""

import math
from dataclasses import dataclass, field
from typing import Any

from ..core.run_layout import checkpoint_name


@dataclass(kw_only=True)
class RunProgress:
    """The progress of a run.

    All counts refer to finished epochs and steps: during the first epoch, `epoch` is 0; in
    its `on_epoch_end`, it is 1.

    Attributes:
        epoch: Number of finished epochs.
        step: Number of finished steps in all epochs.
        epoch_step: Number of finished steps of the current epoch.
        samples: Examples trained on in finished epochs, counting repetitions.
        validated_step: Step of the last validation, or None.
        training_metrics: Training values of the current epoch between its last step and the
            end of its validation; otherwise None.
        history: Values of all epochs by name, as in Keras's History; NaN for epochs without
            a value.
        phases: The phases that have begun since the start of the run, as dicts of `Phase`.
        requested_phases: The phases to begin before the next epoch.
        stop_reason: Why the fit will end or has ended, or None.
    """

    epoch: int = 0
    step: int = 0
    epoch_step: int = 0
    samples: int = 0
    validated_step: int | None = None
    training_metrics: dict[str, float] | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    phases: list[dict[str, Any]] = field(default_factory=list)
    requested_phases: list[dict[str, Any]] = field(default_factory=list)
    stop_reason: str | None = None

    @property
    def is_within_epoch(self) -> bool:
        """Whether the current epoch has started but not ended."""
        return self.epoch_step > 0 or self.training_metrics is not None

    @property
    def checkpoint_name(self) -> str:
        """Directory name of a checkpoint taken now."""
        return checkpoint_name(self.step, self.is_within_epoch)

    def end_epoch(self, metrics: dict[str, float]) -> None:
        """Counts an epoch as finished and records its values."""
        self.training_metrics = None
        self.epoch += 1
        self.epoch_step = 0
        for name in dict.fromkeys((*self.history, *metrics)):
            values = self.history.setdefault(name, [math.nan] * (self.epoch - 1))
            values.append(metrics.get(name, math.nan))
