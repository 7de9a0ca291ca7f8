"""Limits the training time of a trial."""

import time
from collections.abc import Callable
from typing import Any

from ..callbacks import Callback
from ..callbacks.run_state import RunState


class TrialTime(Callback):
    """Ends training at a time limit; the model is then validated and scored.

    The time of epochs counts, including validation, over all fits of a resumed run. Reading
    images, computing features and building the model do not count.

    Args:
        max_seconds: Time limit of the trial.
        parts: Number of runs that share the time equally: its folds.
        clock: Returns the time in seconds.

    Attributes:
        limit: Time limit of this run, in seconds.
        seconds: Time that this run has taken so far.

    Example:
        >>> TrialTime(60.0, parts=5).limit
        12.0
    """

    every_n_steps = None  # after every call to the device

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
        """Resets the time for a new fit."""
        self._before = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """Time that this run has taken so far."""
        within = 0.0 if self._since is None else self._clock() - self._since
        return self._before + within

    def on_epoch_begin(self, run: RunState) -> None:
        """Starts measuring time."""
        self._since = self._clock()

    def on_train_step_end(self, run: RunState) -> None:
        """Ends training if the limit is reached."""
        self._end_if_over(run)

    def on_epoch_end(self, run: RunState) -> None:
        """Ends training if the limit is reached; stops measuring until the next epoch."""
        self._end_if_over(run)
        self._before, self._since = self.seconds, None

    def state_dict(self) -> dict[str, Any]:
        """Returns the time spent before the checkpoint."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the time spent before the checkpoint."""
        self._before = float(state["seconds"])

    def _end_if_over(self, run: RunState) -> None:
        if self.seconds >= self.limit:
            named = f"max_seconds_per_trial={self._max_seconds:g}"
            share = "" if self.limit == self._max_seconds else "this fold's share of "
            run.end(f"{share}{named} is reached")
