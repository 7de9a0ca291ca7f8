import pytest
from hand_made_runs import new_run
from heard_events import Heard, listening
from keraunos.callbacks import WorkerWatch
from keraunos.callbacks.worker_watch import hanging_workers
from keraunos.strategies import WorkerHeartbeat


def news(silent_seconds, step=40, own_step=40, is_waiting=False):
    status, own = [step, "training", is_waiting], [own_step, "training", False]
    return [WorkerHeartbeat(1, "worker 1 (b:2)", silent_seconds, status, own)]


@pytest.mark.feature("workers watched")
def test_silence_and_return_of_a_worker_are_each_reported_once():
    watch, heard = WorkerWatch(silent_seconds=5.0), Heard()
    run = listening(new_run(), watch, heard)
    for now, silent in (
        (100.0, 1.0),
        (104.0, 5.0),
        (105.0, 6.0),
        (106.0, 7.0),
        (107.0, 0.5),
    ):
        watch.check(run, news(silent), now)
    silent, back = heard.events
    assert (silent.kind, back.kind) == ("worker_silent", "worker_back")
    assert {silent.subject, back.subject} == {"worker_1"}
    assert silent.text == (
        "worker 1 (b:2) has sent no heartbeat since 00:01:39 UTC; its last step was 40"
    )
    assert back.text == "worker 1 (b:2) is back after 8 s"


def test_suspended_chief_reports_no_worker_as_silent():
    watch, heard = WorkerWatch(silent_seconds=5.0), Heard()
    run = listening(new_run(), watch, heard)
    watch.check(run, news(0.5), 100.0)
    watch.check(run, news(60.0), 160.0)
    watch.check(run, news(0.5), 161.0)
    assert not heard.events


def test_workers_that_hold_up_the_others_are_identified():
    assert hanging_workers(news(0.5, is_waiting=True)) == [
        "worker 1 (b:2) waits for data after step 40"
    ]
    (line,) = hanging_workers(news(12.0, is_waiting=True))
    assert "no heartbeat since" in line
    assert not hanging_workers(news(0.5))


def test_epoch_values_are_the_worst_observed():
    watch = WorkerWatch()
    run = listening(new_run(), watch)
    watch.check(run, news(2.0, step=37), 100.0)
    watch.check(run, news(0.5, step=50, own_step=51), 101.0)
    assert watch._values == {
        "workers/1/longest_silence_seconds": 2.0,
        "workers/1/lag_steps": 3.0,
        "workers/1/last_step": 50.0,
    }
