"""Records samples of training steps, their means and their medians."""

import statistics
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

SAMPLED = "health/"  # prefix of the names of values in files
NEWEST = 5  # number of samples whose median describes the current state
# Values in a log line, in addition to gradient norm and learning rate.
IN_LOG_LINE = ("device_seconds", "input_wait_share", "all_reduce_share", "loss_scale")

Values = dict[str, float]


class HealthRecord:
    """The samples of an epoch, and the last few.

    Attributes:
        step: The last sampled step; None before the first.
        values: The measured values of that step, by name.

    Example:
        >>> record = HealthRecord()
        >>> record.add(50, {"device_seconds": 0.25})
        >>> record.add(100, {"device_seconds": 0.75})
        >>> record.means()
        {'device_seconds': 0.5}
    """

    def __init__(self) -> None:
        self.step: int | None = None
        self.values: Values = {}
        self._newest: deque[Values] = deque(maxlen=NEWEST)
        self.start_epoch()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Adds the finite values of a step."""
        self.step = step
        self.values = {n: float(v) for n, v in values.items() if np.isfinite(v)}
        self._newest.append(self.values)
        for name, value in self.values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def start_epoch(self) -> None:
        """Restarts the means."""
        self._sums: Values = {}
        self._counts: dict[str, int] = {}

    def forget_newest(self) -> None:
        """Clears the last samples, which are not comparable with later ones."""
        self._newest.clear()

    def means(self) -> Values:
        """Returns the mean of each value over the samples of the epoch so far."""
        return {name: total / self._counts[name] for name, total in self._sums.items()}

    def in_log_line(self) -> Values:
        """Returns the means for a log line, with the largest update ratio of all blocks."""
        means = self.means()
        ratios = [v for name, v in means.items() if name.startswith("update_ratio/")]
        largest = {"update_ratio": max(ratios)} if ratios else {}
        return {name: means[name] for name in IN_LOG_LINE if name in means} | largest

    def medians(self) -> Values:
        """Returns the median of each value over the last samples; empty if too few."""
        if len(self._newest) < NEWEST:
            return {}
        names = dict.fromkeys(name for each in self._newest for name in each)
        found = {n: [v[n] for v in self._newest if n in v] for n in names}
        return {n: statistics.median(v) for n, v in found.items() if len(v) == NEWEST}

    def state_dict(self) -> dict[str, Any]:
        """Returns the state for a resumed run."""
        return {
            "step": self.step,
            "newest": list(self._newest),
            "sums": self._sums,
            "counts": self._counts,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores the result of `state_dict`."""
        self.step = state["step"]
        self._newest = deque(state["newest"], maxlen=NEWEST)
        self.values = self._newest[-1] if self._newest else {}
        self._sums, self._counts = dict(state["sums"]), dict(state["counts"])
