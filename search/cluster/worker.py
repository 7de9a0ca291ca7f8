"""A worker of a search on several machines, which runs trials for the chief."""

import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import Timeout

from ...core.differences import changes, differences_error
from ...core.errors import ConfigError, KeraunosError
from ...core.lock import LOCK_FILE, file_lock
from ...core.run_layout import trial_name
from ...core.signals import stop_signals
from ...core.user_path import user_path
from ..executors.executor import Stopped, stopped_by_signals
from ..progress import TrialProgress, reporting_to
from ..trials import FitTrial, Outcome, TrialPlan, garbage_of_trials_only, run_trial
from ..tuning.service import payload_of, trial_message
from .client import ChiefClient
from .messages import (
    BUSY,
    Sender,
    fingerprint_of,
    outcome_to_json,
    read_plan,
    read_settings,
    task_name,
)
from .role import Role

SECONDS_UNTIL_CHIEF = 600.0  # to wait for a chief that has not started yet
SECONDS_WITHOUT_CHIEF = 60.0  # after which a worker saves its trial and exits
SECONDS_BETWEEN_BEATS = 5.0
SECONDS_BETWEEN_QUESTIONS = 0.5
SECONDS_FOR_BEAT = 1.0  # to wait for a heartbeat before the outcome is reported


class Worker:
    """Runs trials until the chief has no more.

    Args:
        role: The role of this process, with the address of the chief.
        fit: Trains a trial.
        objective: Name of the metric that is the score.
        settings: The settings of the search, by dotted name; must equal those of the
            chief.
        directory: Directory of the search on this machine, for its trials; the path on the
            chief may differ.
    """

    def __init__(
        self,
        role: Role,
        fit: FitTrial,
        objective: str,
        settings: Mapping[str, Any],
        directory: Path,
    ) -> None:
        self._role = role
        self._fit = fit
        self._objective = objective
        self._settings = settings
        self._fingerprint = fingerprint_of(settings)
        self._directory = Path(os.path.realpath(user_path(directory)))
        self._client = ChiefClient(role.address, role.token(), SECONDS_UNTIL_CHIEF)
        self._lost: KeraunosError | None = None  # the chief, while a trial was running
        self._progress: TrialProgress | None = None

    def run(self) -> int | None:
        """Runs trials until the search is over.

        Returns:
            The signal that stopped the worker, or None.

        Raises:
            WorkerError: The chief does not respond any more.
            ConfigError: The chief runs another search.
        """
        try:
            with stop_signals(), garbage_of_trials_only():
                self._work()
        except Stopped as stopped:
            return stopped.number
        return None

    def _work(self) -> None:
        while (plan := self._next()) is not None:
            outcome = self._do(plan)
            if self._lost is not None:
                raise self._lost
            self._report(plan, outcome)

    def _next(self) -> TrialPlan | None:
        while True:
            with stopped_by_signals():
                answer = self._client.create_trial(self._sender())
            self._client.patience = SECONDS_WITHOUT_CHIEF
            if answer.status == "STOPPED":
                return None
            if answer.status == "INVALID":
                raise self._other_settings(read_settings(payload_of(answer)))
            if answer.status == "RUNNING":
                return self._localize(read_plan(payload_of(answer)))
            time.sleep(SECONDS_BETWEEN_QUESTIONS)

    def _localize(self, plan: TrialPlan) -> TrialPlan:
        """Returns the plan with directories on this machine."""
        continues = plan.continues
        if continues is not None:
            number = continues.name.rpartition("-")[2]
            continues = self._directory / trial_name(int(number))
        own = self._directory / trial_name(int(plan.number))
        return replace(plan, directory=own, continues=continues)

    def _do(self, plan: TrialPlan) -> Outcome:
        """Runs a trial and sends heartbeats to the chief meanwhile."""
        if _is_busy(plan.directory):
            return Outcome("interrupted", reason=BUSY)
        is_over = threading.Event()
        self._progress = None
        arguments = (plan, is_over)
        beat = threading.Thread(target=self._beat, args=arguments, daemon=True)
        beat.start()
        try:
            with stopped_by_signals(), reporting_to(self._keep_progress):
                return run_trial(self._fit, plan, self._objective)
        except Stopped as stopped:
            return Outcome("interrupted", signal=stopped.number)
        finally:
            is_over.set()
            beat.join(SECONDS_FOR_BEAT)

    def _keep_progress(self, progress: TrialProgress) -> None:
        self._progress = progress  # sent with the next heartbeat

    def _beat(self, plan: TrialPlan, is_over: threading.Event) -> None:
        while not is_over.wait(SECONDS_BETWEEN_BEATS):
            try:
                self._client.get_trial(self._sender(plan, self._progress))
            except KeraunosError as error:
                if not is_over.is_set():
                    self._lost = error
                    os.kill(os.getpid(), signal.SIGTERM)  # the fit saves its state
                return

    def _report(self, plan: TrialPlan, outcome: Outcome) -> None:
        payload = outcome_to_json(outcome)
        self._client.end_trial(trial_message("COMPLETED", payload, self._sender(plan)))

    def _sender(
        self, plan: TrialPlan | None = None, progress: TrialProgress | None = None
    ) -> str:
        task = "" if plan is None else task_name(plan)
        return Sender(self._fingerprint, self._role.tuner_id, task, progress).to_json()

    def _other_settings(self, of_chief: Mapping[str, Any]) -> ConfigError:
        return differences_error(
            "A worker must have the same settings as the chief (-), not others (+).",
            changes(of_chief, self._settings),
            "Start both with the same command.",
        )


def _is_busy(directory: Path) -> bool:
    """Returns whether another process, unknown to the chief, runs the trial."""
    if not directory.is_dir():
        return False
    try:
        with file_lock(directory / LOCK_FILE).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # training will report it
        return False
