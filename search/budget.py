"""Limits the number of trials of a search, and explains why it ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..configs import SearchConfig
from ..configs.trainer import max_seconds
from ..core.counted import counted
from .pace import Pace
from .study import Study
from .tuning.oracles import HyperbandOracle, number_of_trials
from .tuning.points import has_tried_all, number_of_points


@dataclass
class Budget:
    """Limits of a search.

    Time is measured in this process, from the first call of `allows`: as with
    `trainer.max_time`, a continued search has the full time again. Patience counts trials
    in the order in which they started, up to the first that is still running. It depends
    only on scores, so that a continued search decides the same way. Patience is not
    restored if a trial that was running then turns out better.

    Args:
        max_seconds: Time after which no trial starts; None for no limit. The first trial of
            a search always starts.
        patience: Number of consecutive trials without improvement after which none starts.
            Trials before the first score do not count.
        clock: Returns the time in seconds.

    Attributes:
        reason: Why the last call of `allows` returned False; empty otherwise.
        pace: The durations of trials.

    Example:
        >>> Budget.of(SearchConfig(max_time="00:01:30:00")).max_seconds
        5400.0
    """

    max_seconds: float | None = None
    patience: int | None = None
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._began_at: float | None = None
        self.reason = ""
        self.pace = Pace(self.clock)

    @classmethod
    def of(cls, config: SearchConfig) -> "Budget":
        """Creates the budget of a configuration."""
        return cls(max_seconds(config.max_time), config.patience)

    @property
    def seconds_left(self) -> float | None:
        """Time until no further trial starts; None without a limit."""
        if self.max_seconds is None:
            return None
        if self._began_at is None:
            self._began_at = self.clock()
        return max(self._began_at + self.max_seconds - self.clock(), 0.0)

    def allows(self, study: Study) -> bool:
        """Returns whether another trial may start."""
        self.reason = self._why_spent(study)
        return not self.reason

    def _why_spent(self, study: Study) -> str:
        left = self.seconds_left  # starts the clock
        if not 0 < len(study.trials) < number_of_trials(study.oracle):
            return ""
        if left == 0:
            return f"max_time of {counted(int(self.max_seconds or 0), 'second')} is over"
        if self.patience is not None and _longest_wait(study) >= self.patience:
            return f"patience={self.patience}: that many trials without improvement"
        return ""


def why_exhausted(study: Study) -> str:
    """Returns why the oracle proposes no further trial."""
    if isinstance(study.oracle, HyperbandOracle):
        return "hyperband has finished its last round"
    if has_tried_all(study.oracle):
        points = number_of_points(study.oracle.hyperparameters) or 0
        return (
            f"all {points} combinations have been tried"
            if points > 1
            else "the space has one combination"
        )
    if len(study.trials) >= number_of_trials(study.oracle):
        return f"max_trials={len(study.trials)} is reached"
    return "the oracle proposes nothing new"


def _longest_wait(study: Study) -> int:
    """Returns the largest number of consecutive trials without improvement."""
    places = {trial.number: place for place, trial in enumerate(study.ranking())}
    best: int | None = None
    waited = longest = 0
    for number in sorted(study.trials):
        if study.trials[number].status == "running":
            break
        place = places.get(number)
        if place is not None and (best is None or place < best):
            best, waited = place, 0
        elif best is not None:
            waited += 1
        longest = max(longest, waited)
    return longest
