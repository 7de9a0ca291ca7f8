"""A worker of a search on several machines: does what the chief says."""

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

from filelock import Timeout

from ...core.errors import ConfigError, KeraunosError, message
from ...core.lock import LOCK_FILE, file_lock
from ...core.run_layout import trial_name
from ...core.signals import stop_signals
from ...core.user_path import user_path
from ..executors.executor import Stopped, stopped_by_signals
from ..progress import TrialProgress, reporting_to
from ..trials import FitTrial, Outcome, TrialPlan, garbage_of_trials_only, run_trial
from ..tuning.service import payload_of, trial_message
from .client import ChiefClient
from .messages import BUSY, Sender, outcome_to_json, read_plan, task_name
from .role import Role

SECONDS_UNTIL_CHIEF = 600.0  # that a worker waits for a chief that is to begin yet
SECONDS_WITHOUT_CHIEF = 60.0  # after which a worker saves its trial and ends
SECONDS_BETWEEN_BEATS = 5.0
SECONDS_BETWEEN_QUESTIONS = 0.5
SECONDS_FOR_BEAT = 1.0  # to be answered before the trial's outcome is told


class Worker:
    """Runs trials until the chief has no more.

    Args:
        role: Who this process is, and where the chief answers.
        fit: Trains as planned.
        objective: Name of the metric that is the score.
        fingerprint: Of what decides the trials; that of the chief must be the same.
        directory: Of the search, as this process sees it. Trials go below it, whatever
            directory the chief names.
    """

    def __init__(
        self,
        role: Role,
        fit: FitTrial,
        objective: str,
        fingerprint: str,
        directory: Path,
    ) -> None:
        self._role = role
        self._fit = fit
        self._objective = objective
        self._fingerprint = fingerprint
        self._directory = Path(os.path.realpath(user_path(directory)))
        self._client = ChiefClient(role.address, role.token(), SECONDS_UNTIL_CHIEF)
        self._lost: KeraunosError | None = None  # the chief, while a trial was running
        self._progress: TrialProgress | None = None

    def run(self) -> int | None:
        """Works.

        Returns:
            The signal that ended it, or None.

        Raises:
            WorkerError: The chief does not answer any more.
            ConfigError: The chief runs another search, or there is not a token.
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
                raise self._other_settings()
            if answer.status == "RUNNING":
                return self._here(read_plan(payload_of(answer)))
            time.sleep(SECONDS_BETWEEN_QUESTIONS)

    def _here(self, plan: TrialPlan) -> TrialPlan:
        """The plan with directories of this process's search in place of those named."""
        continues = plan.continues
        if continues is not None:
            number = continues.name.rpartition("-")[2]
            continues = self._directory / trial_name(int(number))
        own = self._directory / trial_name(int(plan.number))
        return replace(plan, directory=own, continues=continues)

    def _do(self, plan: TrialPlan) -> Outcome:
        """Runs a trial, and lets the chief hear of it meanwhile."""
        if _is_busy(plan.directory):
            return Outcome("interrupted", reason=BUSY)
        is_over = threading.Event()
        self._progress = None
        arguments = (plan, is_over)
        beat = threading.Thread(target=self._beat, args=arguments, daemon=True)
        beat.start()
        try:
            with stopped_by_signals(), reporting_to(self._hear):
                return run_trial(self._fit, plan, self._objective)
        except Stopped as stopped:
            return Outcome("interrupted", signal=stopped.number)
        finally:
            is_over.set()
            beat.join(SECONDS_FOR_BEAT)

    def _hear(self, progress: TrialProgress) -> None:
        self._progress = progress  # which the next beat takes along

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

    def _other_settings(self) -> ConfigError:
        return ConfigError(
            message(
                "A worker must be started with the settings of the chief.",
                "Give both the same command.",
                here=self._fingerprint[:8],
            )
        )


def _is_busy(directory: Path) -> bool:
    """Whether another process is at the trial, of which the chief has lost sight."""
    if not directory.is_dir():
        return False
    try:
        with file_lock(directory / LOCK_FILE).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # as training is going to say
        return False
