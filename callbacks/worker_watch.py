"""Detects silent or lagging workers."""

import time
from collections.abc import Sequence
from typing import Unpack

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.options import WorkerWatchOptions
from ..configs.watching_callbacks import WorkerWatchConfig
from ..core.restarts import restarts_so_far
from ..strategies import WorkerHeartbeat, workers_of
from .base import Callback
from .problems import worker_name
from .run_state import RunState
from .ticker import Ticker

SECONDS_BETWEEN_CHECKS = 1.0
_SILENT_SECONDS = 3.0  # heartbeats come every second


class WorkerWatch(Callback):
    """Reports workers that send no heartbeat, their return, and a summary per epoch.

    A frozen worker is reported after `silent_seconds`, long before it counts as lost. After
    each epoch, `run.workers` contains for each other worker `workers/N/last_step`,
    `lag_steps` (its maximum lag behind the chief in steps) and `longest_silence_seconds`,
    and `workers/restarts`; they appear in TensorBoard and `metrics.jsonl`. Does nothing in
    a single process.

    Args:
        **options: Same as `callbacks.worker_watch` in a configuration: `silent_seconds`.
            See `docs/settings.md`.

    Example:
        >>> watch = WorkerWatch(silent_seconds=10.0)
    """

    chief_only = True

    @takes_settings(CALLBACK_ARGUMENTS["worker_watch"])
    def __init__(self, **options: Unpack[WorkerWatchOptions]) -> None:
        config = validated(WorkerWatchConfig, "callbacks.worker_watch", **options)
        self.silent_seconds = config.silent_seconds
        self._ticker: Ticker | None = None
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self._silent: dict[int, float] = {}
        self._values: dict[str, float] = {}
        self._checked_at: float | None = None

    def on_fit_begin(self, run: RunState) -> None:
        """Starts watching if there are other workers."""
        workers = workers_of(run.strategy)
        if workers.count > 1:
            self._ticker = Ticker(
                "worker_watch",
                SECONDS_BETWEEN_CHECKS,
                lambda: self.check(run, workers.heartbeats(), time.time()),
            )

    def on_epoch_end(self, run: RunState) -> None:
        """Summarizes the epoch."""
        workers = workers_of(run.strategy)
        if workers.count == 1:
            return
        self.check(run, workers.heartbeats(), time.time())
        restarts, _ = restarts_so_far()
        run.workers = {**self._values, "workers/restarts": float(restarts)}
        self._values = {}

    def on_fit_end(self, run: RunState) -> None:
        """Stops watching."""
        self._stop()

    def on_exception(self, run: RunState, error: BaseException) -> None:
        """Stops watching."""
        self._stop()

    def check(
        self, run: RunState, heartbeats: Sequence[WorkerHeartbeat], now: float
    ) -> None:
        """Checks once, and reports workers that have become silent or returned.

        Args:
            run: The state of the run.
            heartbeats: The last heartbeats of the other workers.
            now: The current time in seconds since 1970.
        """
        before, self._checked_at = self._checked_at, now
        if before is not None and now - before > self.silent_seconds:
            return  # this process itself was suspended
        for each in heartbeats:
            self._record_extremes(each)
            subject = worker_name(each.rank)
            is_silent = each.silent_seconds > self.silent_seconds
            if is_silent and each.rank not in self._silent:
                since = self._silent[each.rank] = now - each.silent_seconds
                text = f"{each.name} has sent no heartbeat since {_clock(since)}"
                run.report("worker_silent", text + _last_step(each), subject)
            elif not is_silent and each.rank in self._silent:
                silence = now - self._silent.pop(each.rank)
                back = f"{each.name} is back after {silence:.0f} s"
                run.report("worker_back", back, subject)

    def _record_extremes(self, heartbeat: WorkerHeartbeat) -> None:
        values = {"longest_silence_seconds": heartbeat.silent_seconds}
        if heartbeat.status is not None and heartbeat.own_status is not None:
            values["lag_steps"] = float(
                max(heartbeat.own_status[0] - heartbeat.status[0], 0)
            )
            self._values[f"workers/{heartbeat.rank}/last_step"] = float(heartbeat.status[0])
        for name, value in values.items():
            key = f"workers/{heartbeat.rank}/{name}"
            self._values[key] = max(value, self._values.get(key, 0.0))

    def _stop(self) -> None:
        if self._ticker is not None:
            self._ticker.stop()
            self._ticker = None


def hanging_workers(heartbeats: Sequence[WorkerHeartbeat]) -> list[str]:
    """Describes the workers that keep the others waiting.

    Example:
        >>> status = [7, "training", True, 0.9]
        >>> hanging_workers([WorkerHeartbeat(1, "worker 1", 0.5, status, None)])
        ['worker 1 waits for data after step 7']
    """
    found = []
    for each in heartbeats:
        if is_silent(each):
            since = _clock(time.time() - each.silent_seconds)
            found.append(f"{each.name} has sent no heartbeat since {since}")
        elif each.status is not None and each.status[2]:
            found.append(f"{each.name} waits for data after step {each.status[0]}")
    return found


def is_silent(heartbeat: WorkerHeartbeat) -> bool:
    """Returns whether heartbeats, which come every second, are missing."""
    return heartbeat.silent_seconds > _SILENT_SECONDS


def _last_step(heartbeat: WorkerHeartbeat) -> str:
    return "" if heartbeat.status is None else f"; its last step was {heartbeat.status[0]}"


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S UTC", time.gmtime(seconds))
