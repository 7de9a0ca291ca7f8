"""A trial ends when its time is over, counted across resumptions and folds."""

from types import SimpleNamespace

import pytest
from keraunos.callbacks.monitor import Monitor
from keraunos.configs import SearchConfig
from keraunos.search.trial_callbacks import trial_callbacks
from keraunos.search.trial_time import TrialTime


class Run(SimpleNamespace):
    reason = None

    def end(self, reason):
        self.reason = self.reason or reason


def train(timer, now, seconds):
    """Trains epochs of the given lengths; returns after how many it ended, and why."""
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


@pytest.mark.parametrize(("parts", "ended"), [(1, 3), (2, 2), (6, 1)])
def test_trial_ends_once_its_time_is_over(parts, ended):
    now = [0.0]
    timer = TrialTime(30.0, parts, clock=lambda: now[0])
    share = "" if parts == 1 else "this fold's share of "
    reason = f"{share}max_seconds_per_trial=30 is reached"
    assert train(timer, now, [10.0] * 5) == (ended, reason)
    assert timer.seconds >= 30.0 / parts


def test_resumed_trial_has_only_the_remaining_time():
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


def test_folds_share_the_time_of_a_trial_equally():
    objective = Monitor("val_loss")
    without = trial_callbacks(SearchConfig(folds=5), objective, fold=2)
    assert list(without) == ["trial_progress"]
    limited = SearchConfig(folds=5, max_seconds_per_trial=60.0)
    assert trial_callbacks(limited, objective, fold=2)["trial_time"].limit == 12.0
    assert trial_callbacks(limited, objective)["trial_time"].limit == 60.0
