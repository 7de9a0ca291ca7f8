import time

import pytest
from hand_made_runs import new_run
from heard_events import Heard, listening
from keraunos.callbacks import StallWatch
from keraunos.callbacks.stall_watch import FEWEST_STEPS, StallRule


def run_with_watch(**options):
    """A run in training, with a watch whose thread is not started."""
    run, watch, heard = new_run(), StallWatch(**options), Heard()
    listening(run, watch, heard)
    run.activity.phase = "training"
    return run, watch, heard


def set_last_step_seconds_ago(run, seconds):
    run.activity.step_at = time.monotonic() - seconds
    run.activity.step_time = time.time() - seconds


@pytest.mark.feature("stalls")
def test_stall_is_reported_once_and_again_when_it_ends():
    run, watch, heard = run_with_watch(times_median=10.0, seconds_at_least=5.0)
    for _ in range(FEWEST_STEPS):
        watch._rule.add(2.0)
    run.activity.position = lambda: (7, True)
    run.activity.step = 7
    for now, seconds in enumerate((19.0, 21.0, 22.0)):
        set_last_step_seconds_ago(run, seconds)
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


def test_steps_within_one_call_are_not_a_stall():
    run, watch, heard = run_with_watch(times_median=2.0, seconds_at_least=5.0)
    for _ in range(FEWEST_STEPS):
        watch._rule.add(0.1)
    for step in range(1, 4):
        set_last_step_seconds_ago(run, 60.0)
        run.activity.position = lambda step=step: (step, False)
        watch.check(run, float(step))
    assert not heard.events
    assert run.activity.snapshot().step == 3


def test_suspended_process_is_not_a_stall():
    run, watch, heard = run_with_watch(seconds_between_steps=60.0)
    watch.check(run, 0.0)
    set_last_step_seconds_ago(run, 1000.0)
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
def test_stall_limit_depends_on_phase_and_median_step_time(phase, steps, limit):
    rule = StallRule(20.0, 60.0, 600.0)
    for seconds in steps:
        rule.add(seconds)
    assert rule.limit(phase) == limit


def test_watch_thread_runs_for_the_duration_of_the_fit(monkeypatch):
    run, watch, heard = run_with_watch(seconds_between_steps=0.001)
    monkeypatch.setattr("keraunos.callbacks.stall_watch.SECONDS_BETWEEN_CHECKS", 0.01)
    watch.on_fit_begin(run)
    while not heard.events:
        time.sleep(0.01)
    watch.on_fit_end(run)
    assert heard.events[0].kind == "stall"
    assert watch._ticker is None
