import time

import pytest
from hand_made_runs import new_run
from heard_events import Heard, listening
from keraunos.callbacks import StallWatch
from keraunos.callbacks.stall_watch import FEWEST_STEPS, StallRule


def watched(**options):
    """A run that is training, with a watch of which no thread looks."""
    run, watch, heard = new_run(), StallWatch(**options), Heard()
    listening(run, watch, heard)
    run.activity.phase = "training"
    return run, watch, heard


def seconds_ago(run, seconds):
    run.activity.step_at = time.monotonic() - seconds
    run.activity.step_time = time.time() - seconds


@pytest.mark.feature("stalls")
def test_a_stall_is_reported_once_while_it_lasts_and_when_it_is_over():
    run, watch, heard = watched(times_median=10.0, seconds_at_least=5.0)
    for _ in range(FEWEST_STEPS):
        watch._rule.add(2.0)
    run.activity.position = lambda: (7, True)
    run.activity.step = 7
    for now, seconds in enumerate((19.0, 21.0, 22.0)):
        seconds_ago(run, seconds)
        watch.check(run, float(now))
    (stall,) = heard.events
    assert stall.kind == "stall"
    assert "no step for 21 s (the median step takes 2 s): waiting for data" in stall.text
    run.activity.step_done(8)
    watch.check(run, 4.0)
    watch.check(run, 5.0)
    over = heard.events[-1]
    assert len(heard.events) == 2
    assert (over.kind, over.text) == ("stall_over", "steps resumed after 21 s")


def test_steps_within_a_call_are_no_stall():
    run, watch, heard = watched(times_median=2.0, seconds_at_least=5.0)
    for _ in range(FEWEST_STEPS):
        watch._rule.add(0.1)
    for step in range(1, 4):
        seconds_ago(run, 60.0)
        run.activity.position = lambda step=step: (step, False)
        watch.check(run, float(step))
    assert not heard.events
    assert run.activity.snapshot().step == 3


def test_a_process_that_was_itself_stopped_is_no_stall():
    run, watch, heard = watched(seconds_between_steps=60.0)
    watch.check(run, 0.0)
    seconds_ago(run, 1000.0)
    watch.check(run, 1000.0)
    watch.check(run, 1001.0)
    assert not heard.events


@pytest.mark.parametrize(
    ("phase", "steps", "limit"),
    [
        ("training", [0.1] * FEWEST_STEPS, 60.0),
        ("training", [9.0] * FEWEST_STEPS + [1.0] * 5, 180.0),
        ("training", [9.0] * (FEWEST_STEPS - 1), 600.0),
        ("validating", [9.0] * FEWEST_STEPS, 600.0),
        ("saving", [], 600.0),
    ],
)
def test_what_is_too_long(phase, steps, limit):
    rule = StallRule(20.0, 60.0, 600.0)
    for seconds in steps:
        rule.add(seconds)
    assert rule.limit(phase) == limit


def test_a_thread_looks_as_long_as_the_fit_lasts(monkeypatch):
    run, watch, heard = watched(seconds_between_steps=0.001)
    monkeypatch.setattr("keraunos.callbacks.stall_watch.SECONDS_BETWEEN_CHECKS", 0.01)
    watch.on_fit_begin(run)
    while not heard.events:
        time.sleep(0.01)
    watch.on_fit_end(run)
    assert heard.events[0].kind == "stall"
    assert watch._ticker is None
