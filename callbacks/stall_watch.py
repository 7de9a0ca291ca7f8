"""Detects runs that hang."""

import statistics
import time
from collections import deque
from collections.abc import Sequence
from typing import Unpack

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.options import StallWatchOptions
from ..configs.watching_callbacks import StallWatchConfig
from ..strategies import WorkerHeartbeat, workers_of
from .activity import ActivitySnapshot
from .base import Callback
from .health_findings import INPUT
from .run_state import RunState
from .ticker import Ticker
from .worker_watch import hanging_workers, is_silent

SECONDS_BETWEEN_CHECKS = 1.0
FEWEST_STEPS = 10  # the first steps compile and fill buffers
_MOST_STEPS = 101  # for the median


class StallRule:
    """Computes how long a step may take before it counts as a stall.

    Args:
        times_median: Multiple of the median step time that is too long.
        seconds_at_least: Minimum number of seconds of a stall.
        seconds_between_steps: Limit in seconds for anything other than a step.

    Example:
        >>> rule = StallRule(20.0, 60.0, 3600.0)
        >>> for _ in range(FEWEST_STEPS):
        ...     rule.add(5.0)
        >>> rule.limit("training"), rule.limit("validating")
        (100.0, 3600.0)
    """

    def __init__(
        self, times_median: float, seconds_at_least: float, seconds_between_steps: float
    ) -> None:
        self._times_median = times_median
        self._seconds_at_least = seconds_at_least
        self._seconds_between_steps = seconds_between_steps
        self._seconds: deque[float] = deque(maxlen=_MOST_STEPS)

    def add(self, seconds: float) -> None:
        """Adds the duration of a step."""
        self._seconds.append(seconds)

    @property
    def median(self) -> float | None:
        """The median step time in seconds; None before enough steps."""
        # Copied, because the loop may append concurrently.
        seconds = list(self._seconds)
        return statistics.median(seconds) if len(seconds) >= FEWEST_STEPS else None

    def limit(self, phase: str) -> float:
        """Returns the maximum number of seconds since the last step."""
        if phase != "training" or self.median is None:
            return self._seconds_between_steps
        return max(self._seconds_at_least, self._times_median * self.median)


class StallWatch(Callback):
    """Reports stalls while they last, where the run hangs, and the end of each stall.

    A thread checks every second. A stall is reported if no step has ended for
    `times_median` times the median step time and for at least `seconds_at_least`; or for
    `seconds_between_steps` during anything else: the first steps (which compile),
    validation, checkpoints, other callbacks.

    Args:
        **options: Same as `callbacks.stall_watch` in a configuration: `times_median`,
            `seconds_at_least`, `seconds_between_steps`. See `docs/settings.md`.

    Example:
        >>> watch = StallWatch(seconds_at_least=120.0)
    """

    chief_only = True
    every_n_steps = None

    @takes_settings(CALLBACK_ARGUMENTS["stall_watch"])
    def __init__(self, **options: Unpack[StallWatchOptions]) -> None:
        self._config = validated(StallWatchConfig, "callbacks.stall_watch", **options)
        self._ticker: Ticker | None = None
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        config = self._config
        self._rule = StallRule(
            config.times_median, config.seconds_at_least, config.seconds_between_steps
        )
        self._step: int | None = None
        self._ended_at = 0.0
        self._checked_at: float | None = None
        self._stalled: ActivitySnapshot | None = None
        self._subject = ""

    def on_fit_begin(self, run: RunState) -> None:
        """Starts watching."""
        self._ticker = Ticker(
            "stall_watch", SECONDS_BETWEEN_CHECKS, lambda: self.check(run, time.monotonic())
        )

    def on_epoch_begin(self, run: RunState) -> None:
        """Excludes the time between two epochs from step times."""
        self._step = None

    def on_phase_begin(self, run: RunState) -> None:
        """Clears step times: other layers train, and the first step compiles."""
        self.reset()

    def on_train_step_end(self, run: RunState) -> None:
        """Measures the step time."""
        now = time.monotonic()
        if self._step is not None and run.step > self._step:
            self._rule.add((now - self._ended_at) / (run.step - self._step))
        self._step, self._ended_at = run.step, now

    def on_fit_end(self, run: RunState) -> None:
        """Stops watching."""
        self._stop()

    def on_exception(self, run: RunState, error: BaseException) -> None:
        """Stops watching."""
        self._stop()

    def check(self, run: RunState, now: float) -> None:
        """Checks once, and reports the start or end of a stall.

        Args:
            run: The state of the run.
            now: The current `time.monotonic`.
        """
        snapshot = run.activity.snapshot()
        # The process or the machine was suspended in between: this is not a stall.
        slept = self._checked_at is not None and now - self._checked_at > 30.0
        self._checked_at = now
        if slept:
            run.activity.step_done(run.activity.step)
        elif self._stalled is None:
            limit = self._rule.limit(snapshot.phase)
            if snapshot.seconds > limit:
                self._stalled = snapshot
                heartbeats = workers_of(run.strategy).heartbeats()
                self._subject = INPUT if _any_worker_waits_for_data(run, heartbeats) else ""
                run.report(
                    "stall", self._describe(run, snapshot, heartbeats), self._subject
                )
        elif snapshot.step > self._stalled.step:
            lasted = snapshot.step_time - self._stalled.step_time
            self._stalled = None
            text = f"steps resumed after {lasted:.0f} s"
            run.report("stall_over", text, self._subject)

    def _describe(
        self,
        run: RunState,
        snapshot: ActivitySnapshot,
        heartbeats: Sequence[WorkerHeartbeat],
    ) -> str:
        median = self._rule.median
        known = f" (the median step takes {median:.3g} s)" if median is not None else ""
        others = "".join(f"; {each}" for each in hanging_workers(heartbeats))
        where = run.activity.where() + others
        return f"no step for {snapshot.seconds:.0f} s{known}: {where}"

    def _stop(self) -> None:
        if self._ticker is not None:
            self._ticker.stop()
            self._ticker = None


def _any_worker_waits_for_data(
    run: RunState, heartbeats: Sequence[WorkerHeartbeat]
) -> bool:
    """Returns whether this worker or another one waits for data."""
    others = (each.status and each.status[2] and not is_silent(each) for each in heartbeats)
    return run.activity.waits_for_data() or any(others)
