"""A trial ends when its time is over, over all its parts and folds."""

from types import SimpleNamespace

import pytest
from keraunos.search.trial_callbacks import trial_callbacks
from keraunos.search.trial_time import TrialTime


class Run(SimpleNamespace):
    reason = None

    def end(self, reason):
        self.reason = self.reason or reason


def train(timer, now, seconds):
    """Epochs of so many seconds each; returns why it ended, and after how many."""
    for number, length in enumerate(seconds, 1):
        run = Run()
        timer.on_epoch_begin(run)
        now[0] += length / 2
        timer.on_train_step_end(run)
        now[0] += 0 if run.reason else length / 2
        timer.on_epoch_end(run)
        now[0] += 1000.0  # a checkpoint, or the next fold's features
        if run.reason:
            return number, run.reason
    return None


@pytest.mark.parametrize(("spent", "ended"), [(0.0, 3), (15.0, 2), (29.0, 1)])
def test_a_trial_ends_once_its_time_is_over(spent, ended):
    now = [0.0]
    timer = TrialTime(30.0, spent, clock=lambda: now[0])
    assert train(timer, now, [10.0] * 5) == (ended, "max_seconds_per_trial=30 is reached")
    assert timer.seconds >= 30.0


def test_a_trial_that_is_resumed_has_only_what_was_left():
    now = [0.0]
    timer = TrialTime(30.0, clock=lambda: now[0])
    assert train(timer, now, [10.0]) is None
    timer.on_epoch_begin(Run())
    now[0] += 5.0
    state = timer.state_dict()  # of a checkpoint within the epoch
    again = TrialTime(30.0, clock=lambda: now[0])
    again.reset()
    again.on_epoch_begin(Run())
    again.load_state_dict(state)
    assert again.seconds == 15.0
    assert train(again, now, [10.0] * 5)[0] == 2


def test_a_trial_without_a_limit_has_no_clock():
    assert trial_callbacks(None) == {}
    assert trial_callbacks(60.0, folds=5)["trial_time"].seconds == 48.0
