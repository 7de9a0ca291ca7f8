"""Progress of workers: reports that disturb no trial, and what each executor knows."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from keraunos.callbacks.monitor import Monitor
from keraunos.search.executors.in_process import InProcess
from keraunos.search.executors.worker_processes import _send_if_room
from keraunos.search.progress import TrialProgress, report, reporting_to
from keraunos.search.trial_progress import ReportsProgress
from keraunos.search.trials import TrialPlan

RUN = SimpleNamespace(epoch=3, max_epochs=9, history={"val_loss": [0.5, 0.2, math.nan]})


@pytest.mark.parametrize(("mode", "score"), [("min", 0.2), ("max", 0.5)])
def test_trial_reports_its_best_score_so_far(mode, score):
    heard = []
    with reporting_to(heard.append):
        ReportsProgress(Monitor("val_loss", mode), fold=2).on_epoch_end(RUN)
        ReportsProgress(Monitor("accuracy")).on_fit_begin(RUN)
    assert heard == [TrialProgress(3, 9, score, 2), TrialProgress(3, 9, None, 0)]


def test_failed_or_unheard_reports_do_not_disturb_a_trial():
    def fail(progress):
        raise BrokenPipeError

    with reporting_to(fail):
        ReportsProgress(Monitor("val_loss")).on_epoch_end(RUN)
    ReportsProgress(Monitor("val_loss")).on_epoch_end(RUN)


def test_reports_never_block():
    from multiprocessing import Pipe

    ours, theirs = Pipe()
    for number in range(20_000):  # far more than the pipe holds
        _send_if_room(theirs, TrialProgress(number, 20_000))
    assert ours.recv() == TrialProgress(0, 20_000)
    theirs.close()
    with reporting_to(lambda progress: _send_if_room(theirs, progress)):
        report(TrialProgress(1, 1))  # of a parent that is gone


def test_in_process_executor_shows_progress_only_while_a_trial_runs():
    seen = []

    def fit(plan):
        seen.extend(executor.workers)
        report(TrialProgress(1, 2, 0.5))
        seen.extend(executor.workers)
        raise LookupError

    plan = TrialPlan(4, {"values": {}}, Path("trial-004"))
    with InProcess(fit, "loss") as executor:
        executor.begin(plan)
        executor.wait()
        (after,) = executor.workers
    assert [each.plan for each in seen] == [plan, plan]
    assert [each.progress for each in seen] == [None, TrialProgress(1, 2, 0.5)]
    assert after.plan is None
