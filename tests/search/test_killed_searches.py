"""Searches in processes that are killed, and continue."""

import json
import signal

import hypermodels
import pytest
from hypermodels import KillsOnce, Waits, ended_trials, rows
from keraunos.core.faults import VARIABLE
from programs import Program, is_running, wait_for

TRIALS = 3
BUILD = {"bayesian": hypermodels.build_with_a_rate}


def begin(folder, tuner="random", environment=None, **settings):
    """Starts a process that searches."""
    settings = {"tuner": tuner, "max_trials": TRIALS, "trainer": {}} | settings
    settings["build"] = BUILD.get(tuner, hypermodels.build)
    return Program(
        hypermodels.program,
        folder,
        settings,
        output=folder.with_suffix(".log"),
        environment=environment,
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The results of an undisturbed search, one trial at a time."""
    made = {}

    def results(tuner):
        if tuner not in made:
            folder = tmp_path_factory.mktemp("whole") / tuner
            assert begin(folder, tuner).end() == 0
            made[tuner] = rows(folder)
        return made[tuner]

    return results


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tuner", "kills"),
    [
        (
            "random",
            [
                ("before-trial-is-noted:2", 1),
                ("before-manifest:3", 1),  # in a checkpoint of the second trial
                ("after-outcome-is-noted:2", 3),  # before the best model is exported
            ],
        ),
        pytest.param("grid", [("before-outcome-is-noted:3", 2)], marks=pytest.mark.nightly),
        pytest.param(
            "bayesian", [("before-outcome-is-noted:3", 2)], marks=pytest.mark.nightly
        ),
    ],
)
def test_repeatedly_killed_search_ends_with_the_same_trials(
    tmp_path, tuner, kills, uninterrupted
):
    folder = tmp_path / "s"
    for point, ended in kills:
        killed = begin(folder, tuner, environment={VARIABLE: point})
        assert killed.end() == -signal.SIGKILL, killed.output
        assert ended_trials(folder) == ended
        assert not list(folder.glob("*/model.keras"))
    assert begin(folder, tuner).end() == 0
    assert rows(folder) == uninterrupted(tuner)
    assert len(list(folder.glob("*/model.keras"))) == 1


@pytest.mark.nightly
def test_killed_search_runs_out_of_patience_after_the_same_trial(tmp_path):
    settings = {"max_trials": 12, "patience": 2}
    assert begin(tmp_path / "whole", **settings).end() == 0
    expected = rows(tmp_path / "whole")
    assert 3 <= len(expected) < 12
    for point in ("before-trial-is-noted:2", "before-outcome-is-noted:2"):
        killed = begin(tmp_path / "s", environment={VARIABLE: point}, **settings)
        assert killed.end() == -signal.SIGKILL, killed.output
    for _ in range(2):  # the second finds that it is over
        assert begin(tmp_path / "s", **settings).end() == 0
        assert rows(tmp_path / "s") == expected


@pytest.mark.nightly
def test_parallel_trials_with_a_killed_worker_equal_sequential_trials(
    tmp_path, uninterrupted
):
    trainer = {"callbacks": {"killer": KillsOnce()}}
    folder = tmp_path / "s"
    program = begin(folder, parallel_trials=2, trainer=trainer)
    assert program.end() == 0, program.output
    assert (folder / "trial-001.killed").exists()
    assert rows(folder) == uninterrupted("random")
    lines = (folder / "trial-001" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]
    assert len(list(folder.glob("*/model.keras"))) == 1


@pytest.mark.nightly
def test_killed_parent_leaves_no_workers_and_the_search_can_be_resumed(
    tmp_path, uninterrupted
):
    folder = tmp_path / "s"
    waiting = {"callbacks": {"waits": Waits()}}
    program = begin(folder, parallel_trials=2, trainer=waiting)
    wait_for(lambda: (folder / "trial-001.waits").exists())
    workers = program.children
    assert len(workers) >= 2
    program.send(signal.SIGKILL)
    assert program.end() == -signal.SIGKILL
    wait_for(lambda: not any(map(is_running, workers)))
    assert ended_trials(folder) < TRIALS
    assert begin(folder).end() == 0
    assert rows(folder) == uninterrupted("random")
