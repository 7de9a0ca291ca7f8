"""How far a run has come: what its checkpoints hold, and a resumed run gets back."""

import math
from dataclasses import dataclass, field
from typing import Any

from ..core.run_layout import checkpoint_name


@dataclass(kw_only=True)
class RunProgress:
    """How far a run has come.

    Counts are of what is done: in the first epoch `epoch` is 0, in `on_epoch_end` of
    the first epoch it is 1.

    Attributes:
        epoch: Finished epochs.
        step: Finished steps in all epochs.
        epoch_step: Finished steps of the current epoch.
        samples: Examples trained on in finished epochs, each as often as it came.
        validated_step: Step after which the newest validation was, or None.
        training_metrics: Values of the current epoch once all its steps are done and
            only its validation is not; else None.
        history: Values per epoch by name, as in Keras's History; NaN where an epoch
            had none.
        phases: How the model has changed since the fit began, as `Phase`s.
        requested_phases: How it is to change before the next epoch.
        stop_reason: Why the fit is to end or has ended, or None.
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
        """Whether the current epoch has begun."""
        return self.epoch_step > 0 or self.training_metrics is not None

    @property
    def checkpoint_name(self) -> str:
        """Directory name of a checkpoint that is taken now."""
        return checkpoint_name(self.step, self.is_within_epoch)

    def end_epoch(self, metrics: dict[str, float]) -> None:
        """Counts an epoch as finished, and keeps its values."""
        self.training_metrics = None
        self.epoch += 1
        self.epoch_step = 0
        for name in dict.fromkeys((*self.history, *metrics)):
            values = self.history.setdefault(name, [math.nan] * (self.epoch - 1))
            values.append(metrics.get(name, math.nan))
