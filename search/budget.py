"""When a search begins no further trial, and why it ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..configs import SearchConfig
from ..configs.trainer import max_seconds
from .pace import Pace
from .study import Study
from .tuning.oracles import HyperbandOracle, number_of_trials
from .tuning.points import has_tried_all, number_of_points


@dataclass
class Budget:
    """What a search may spend.

    Time counts from the first question on, in this process: a search that is continued
    has all of it again, as `trainer.max_time` has. Patience is counted in the order in
    which trials began, over those before the first that is still running: what it decides
    depends on scores alone, so that a search that is continued decides alike. Once it has
    run out it stays so, even if a trial that was running then turns out better.

    Args:
        max_seconds: After which no trial begins; None for no limit. The first trial of a
            search begins all the same.
        patience: Trials in a row without a better one, after which none begins. Those
            before the first score do not count.
        clock: Tells the time in seconds.

    Attributes:
        reason: Why no further trial begins, as it was last asked; empty if one may.
        pace: How long trials take.

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
        """That which a configuration names."""
        return cls(max_seconds(config.max_time), config.patience)

    @property
    def seconds_left(self) -> float | None:
        """Until no trial begins any more; None without a limit."""
        if self.max_seconds is None:
            return None
        if self._began_at is None:
            self._began_at = self.clock()
        return max(self._began_at + self.max_seconds - self.clock(), 0.0)

    def allows(self, study: Study) -> bool:
        """Whether another trial may begin."""
        self.reason = self._why_spent(study)
        return not self.reason

    def _why_spent(self, study: Study) -> str:
        left = self.seconds_left  # which counts from the first question on
        if not 0 < len(study.trials) < number_of_trials(study.oracle):
            return ""
        if left == 0:
            return f"max_time of {self.max_seconds:g} seconds is over"
        if self.patience is not None and _longest_wait(study) >= self.patience:
            return f"patience={self.patience}: so many trials brought no better one"
        return ""


def why_exhausted(study: Study) -> str:
    """Why the oracle has no further trial."""
    if isinstance(study.oracle, HyperbandOracle):
        return "hyperband has ended its last round"
    if has_tried_all(study.oracle):
        points = number_of_points(study.oracle.hyperparameters) or 0
        return (
            f"all {points} combinations are tried"
            if points > 1
            else "the space has one combination"
        )
    if len(study.trials) >= number_of_trials(study.oracle):
        return f"max_trials={len(study.trials)} is reached"
    return "the oracle finds nothing that was not tried"


def _longest_wait(study: Study) -> int:
    """The most trials in a row without a better one, since there is a score."""
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
