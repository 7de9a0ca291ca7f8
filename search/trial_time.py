"""Ends a trial that has trained for long enough."""

import time
from collections.abc import Callable
from typing import Any

from ..callbacks import Callback
from ..callbacks.run_state import RunState


class TrialTime(Callback):
    """Ends training when its time is over; what was reached is validated and counts.

    Epochs count with their validation, over all parts of a run that is resumed; reading
    images, computing features and building the model do not.

    Args:
        max_seconds: What the trial may take.
        parts: How many runs share that alike: its folds.
        clock: Tells the time in seconds.

    Attributes:
        limit: What this run may take.
        seconds: What this run has taken so far.

    Example:
        >>> TrialTime(60.0, parts=5).limit
        12.0
    """

    every_n_steps = None  # whenever the loop is back from the device

    def __init__(
        self,
        max_seconds: float,
        parts: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_seconds = max_seconds
        self.limit = max_seconds / parts
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forgets the last fit."""
        self._before = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """What this run has taken so far."""
        within = 0.0 if self._since is None else self._clock() - self._since
        return self._before + within

    def on_epoch_begin(self, run: RunState) -> None:
        """Counts from here on."""
        self._since = self._clock()

    def on_train_step_end(self, run: RunState) -> None:
        """Looks at the time."""
        self._end_if_over(run)

    def on_epoch_end(self, run: RunState) -> None:
        """Looks at the time, and stops counting until the next epoch."""
        self._end_if_over(run)
        self._before, self._since = self.seconds, None

    def state_dict(self) -> dict[str, Any]:
        """What was spent before the checkpoint."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Counts on from there."""
        self._before = float(state["seconds"])

    def _end_if_over(self, run: RunState) -> None:
        if self.seconds >= self.limit:
            named = f"max_seconds_per_trial={self._max_seconds:g}"
            share = "" if self.limit == self._max_seconds else "this fold's part of "
            run.end(f"{share}{named} is reached")
