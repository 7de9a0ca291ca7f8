"""Runs trials in this process, one after the other."""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from ...core.files import read_text, write_json_atomic
from ...core.removal import remove_file
from ...core.signals import stop_signals
from ..progress import TrialProgress, WorkerStatus, reporting_to
from ..runs import reached
from ..trials import DEATHS, FitTrial, Outcome, TrialPlan, run_trial
from .executor import stopped_by_signals

_NOTE = re.compile(r"\.begun-.+\.json")


class InProcess:
    """Runs one trial at a time in this process.

    Args:
        fit: Trains a trial.
        objective: Name of the metric that is the score.
    """

    def __init__(self, fit: FitTrial, objective: str) -> None:
        self._fit = fit
        self._objective = objective
        self._plans: list[TrialPlan] = []
        self._signals = stop_signals()
        self._status = WorkerStatus("here")

    def __enter__(self) -> Self:
        self._stop = self._signals.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._signals.__exit__(None, None, None)

    @property
    def has_room(self) -> bool:
        """Whether another trial can start; False after a signal."""
        return not self._plans and self._stop.received is None

    @property
    def workers(self) -> Sequence[WorkerStatus]:
        """The status of this process."""
        return [self._status]

    def begin(self, plan: TrialPlan) -> None:
        """Accepts a trial."""
        self._plans.append(plan)

    def wait(self) -> tuple[int, Outcome]:
        """Runs the trial to its end.

        Returns:
            The number and outcome of the trial.

        Raises:
            Stopped: A signal was received between trials or while no fit was running.
        """
        with stopped_by_signals():
            plan = self._plans.pop()
            self._status = WorkerStatus("here", plan)
            try:
                with reporting_to(self._keep_progress):
                    return plan.number, self._run(plan)
            finally:
                self._status = WorkerStatus("here")

    def _keep_progress(self, progress: TrialProgress) -> None:
        self._status = replace(self._status, progress=progress)

    def _run(self, plan: TrialPlan) -> Outcome:
        with _recorded_as_running(plan.directory) as deaths:
            if deaths < DEATHS:
                return run_trial(self._fit, plan, self._objective)
        # For example, the system ended this process because memory was exhausted.
        return Outcome("failed", reason=f"its process died, {DEATHS} times")


@contextlib.contextmanager
def _recorded_as_running(run_dir: Path) -> Iterator[int]:
    """Records in a file that a trial is running; the file remains if the process dies.

    Yields:
        How often the process has died since the newest checkpoint of the trial.
    """
    note = run_dir.with_name(f".begun-{run_dir.name}.json")
    newest = reached(run_dir)
    deaths = _deaths_before(note, newest)
    with contextlib.suppress(OSError):  # the journal reports a full disk
        write_json_atomic(note, {"reached": newest, "deaths": deaths})
    try:
        yield deaths
    finally:
        remove_file(note.parent, note.name, _NOTE)


def _deaths_before(note: Path, newest: str) -> int:
    """Reads how often the process died since the same checkpoint; 0 if unreadable."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        before = json.loads(read_text(note))
        if before["reached"] == newest:
            return int(before["deaths"]) + 1
    return 0
