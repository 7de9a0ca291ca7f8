import json

import pytest
from keraunos.callbacks.health_findings import ALL_REDUCE, INPUT
from keraunos.callbacks.problems import Problems
from keraunos.core.run_events import Event

STALL = Event("stall", "no step", 9, 0.0)
NO_DATA = Event("stall", "no step: waiting for data", 9, 0.0, INPUT)
SLOW_DATA = Event("health", "input-bound", 9, 0.0, INPUT)
LARGE_UPDATES = Event("health", "ratio", 9, 0.0, "update_ratio/head")
FROZEN = Event("worker_silent", "no heartbeat", 9, 0.0, "worker_1")


def after(*events):
    problems = Problems(["worker_1", "worker_2"])
    for event in events:
        problems.record(event)
    return problems


def raised(problems):
    return {name for name, flag in problems.flags().items() if flag}


@pytest.mark.parametrize(
    ("events", "flags"),
    [
        ([], set()),
        ([STALL], {"stall"}),
        ([NO_DATA], {"stall", "data"}),
        ([SLOW_DATA], {"data"}),
        ([LARGE_UPDATES], {"learning"}),
        ([Event("health", "40%", 9, 0.0, ALL_REDUCE)], {"all_reduce"}),
        ([FROZEN, STALL], {"worker_1", "stall"}),
        ([FROZEN, Event("worker_lost", "lost", 9, 0.0)], {"worker_1", "failure"}),
        ([Event("checkpoint", "written", 9, 0.0)], set()),
    ],
)
def test_each_problem_raises_its_flag(events, flags):
    assert raised(after(*events)) == flags


def test_problem_ends_only_with_its_own_recovery_event():
    other = Event("worker_silent", "no heartbeat", 9, 0.0, "worker_2")
    problems = after(FROZEN, other, SLOW_DATA, LARGE_UPDATES)
    assert problems.record(Event("worker_back", "back", 12, 0.0, "worker_1"))
    assert problems.standing == [other, SLOW_DATA, LARGE_UPDATES]
    problems.record(Event("recovered", "no longer", 12, 0.0, INPUT))
    problems.record(Event("worker_back", "back", 12, 0.0, "worker_2"))
    assert raised(problems) == {"learning"}
    assert not problems.record(Event("end", "all epochs", 12, 0.0))


def test_resumed_run_keeps_findings_but_drops_worker_and_stall_problems():
    state = json.loads(json.dumps(after(FROZEN, NO_DATA, LARGE_UPDATES).state_dict()))
    resumed = Problems()
    resumed.load_state_dict(state)
    assert resumed.standing == [LARGE_UPDATES]
