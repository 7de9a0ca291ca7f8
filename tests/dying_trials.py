"""A trial that ends the process that it runs in, for tests of recovery."""

import os
import signal
from pathlib import Path
from typing import Any

from keraunos.search.executors.executor import Stopped
from keraunos.search.executors.in_process import InProcess
from keraunos.search.trials import TrialPlan


def begin_trial(run_dir: Path, how: str) -> int:
    """Starts a trial, and reports the result if the process lives to see it.

    Args:
        run_dir: Run directory of the trial.
        how: What it does: dies, saves and dies, is stopped, or fails.
    """

    def fit(plan: TrialPlan) -> Any:
        if how == "fails":
            raise LookupError("no reason to begin again")
        if how == "saves and dies":
            checkpoints = plan.directory / "checkpoints"
            number = len(list(checkpoints.glob("*")))
            (checkpoints / f"step-{number:08d}").mkdir(parents=True)
        os.kill(os.getpid(), signal.SIGTERM if how == "is stopped" else signal.SIGKILL)

    try:
        with InProcess(fit, "loss") as executor:
            executor.begin(TrialPlan(0, {"values": {}}, run_dir))
            _, outcome = executor.wait()
    except Stopped as stopped:
        return 128 + stopped.number
    print(f"{outcome.status}: {outcome.reason}")
    return 0
