"""Several trials at a time, in processes that are killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import hypermodels
import keraunos as kr
import pytest
from keraunos.core.faults import VARIABLE
from keraunos.core.processes import worker_environments
from keraunos.search.workers import DEATHS

PROGRAM = Path(hypermodels.__file__)
TRIALS = {"random": 5, "grid": 5, "bayesian": 11}


def rows(folder):
    """What results.csv says, but for times."""
    with open(folder / "results.csv", newline="") as file:
        read = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read]


def begin(folder, tuner="random", parallel=1, environment=None):
    """Starts the program that searches."""
    command = [PROGRAM, folder, tuner, TRIALS[tuner], parallel]
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    """Waits for it; returns its exit code."""
    output, _ = process.communicate(timeout=240)
    if process.returncode not in (0, -signal.SIGKILL, 128 + signal.SIGTERM):
        raise AssertionError(output)
    return process.returncode


def ended_trials(folder):
    journal = folder / "search.json"
    events = json.loads(journal.read_text())["events"] if journal.exists() else []
    return sum(event["event"] == "end" for event in events)


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children(pid):
    """The processes that a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in found]


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory):
    """The results of a search that nobody disturbs, one trial at a time."""
    made = {}

    def results(tuner):
        if tuner not in made:
            folder = tmp_path_factory.mktemp("whole") / tuner
            assert finish(begin(folder, tuner)) == 0
            made[tuner] = rows(folder)
        return made[tuner]

    return results


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tuner", "point"),
    [
        ("random", "before-trial-is-noted:3"),
        ("random", "before-manifest:5"),  # in a checkpoint of the second trial
        ("random", "before-outcome-is-noted:2"),
        ("random", "after-outcome-is-noted:2"),
        ("grid", "before-outcome-is-noted:3"),
        ("grid", "before-trial-is-noted:4"),
        ("bayesian", "before-outcome-is-noted:10"),
    ],
)
def test_a_search_that_is_killed_ends_with_the_same_trials(
    tmp_path, tuner, point, uninterrupted
):
    folder = tmp_path / "s"
    killed = begin(folder, tuner, environment={VARIABLE: point})
    assert finish(killed) == -signal.SIGKILL
    assert ended_trials(folder) < TRIALS[tuner]
    assert finish(begin(folder, tuner)) == 0
    assert rows(folder) == uninterrupted(tuner)


@pytest.mark.slow
def test_several_trials_at_a_time_are_the_same_trials(tmp_path, uninterrupted):
    assert finish(begin(tmp_path / "s", parallel=2)) == 0
    assert rows(tmp_path / "s") == uninterrupted("random")


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_trial_goes_on(tmp_path, uninterrupted):
    trainer = {"callbacks": {"killer": hypermodels.KillsOnce()}}
    settings = {"max_trials": TRIALS["random"], "parallel_trials": 2}
    result = hypermodels.run(tmp_path / "s", trainer=trainer, **settings)
    killed = [path.read_text() for path in (tmp_path / "s").glob("*.killed")]
    assert len(set(killed)) == len(killed) == TRIALS["random"]
    assert rows(result.run_dir) == uninterrupted("random")
    for trial in result.trials:
        lines = (result.run_dir / trial.name / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


@pytest.mark.slow
def test_a_trial_that_always_kills_its_process_is_marked(tmp_path):
    result = hypermodels.run(
        tmp_path / "s",
        build=hypermodels.build_deadly,
        tuner="grid",
        max_trials=2,
        parallel_trials=2,
    )
    well, deadly = rows(result.run_dir)
    assert well["status"] == "completed"
    assert deadly["status"] == "failed"
    assert deadly["reason"] == f"its process was ended by SIGKILL, {DEATHS} times"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_search_leaves_no_process_and_goes_on(tmp_path, number, uninterrupted):
    folder = tmp_path / "s"
    process = begin(folder, parallel=2)
    wait_for(lambda: ended_trials(folder) >= 1)
    workers = children(process.pid)
    assert len(workers) >= 2
    process.send_signal(number)
    code = finish(process)
    assert code == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    wait_for(lambda: not any(map(is_running, workers)))
    assert ended_trials(folder) < TRIALS["random"]
    assert finish(begin(folder, parallel=2)) == 0
    assert rows(folder) == uninterrupted("random")


@pytest.mark.slow
def test_what_cannot_be_sent_to_a_process_is_refused(tmp_path):
    with pytest.raises(kr.ConfigError, match="top of a module"):
        hypermodels.run(
            tmp_path / "s", build=lambda hp: hypermodels.build(hp), parallel_trials=2
        )


def test_gpus_are_divided_among_workers():
    def seen(count, gpus):
        return [
            each.get("CUDA_VISIBLE_DEVICES") for each in worker_environments(count, gpus)
        ]

    assert seen(2, ["0", "1", "2", "3"]) == ["0,1", "2,3"]
    assert seen(3, ["4", "7"]) == ["4", "7", "4"]
    assert seen(2, []) == [None, None]


def test_workers_share_the_threads_and_take_memory_as_they_need_it():
    (alone,) = worker_environments(1, [])
    many = worker_environments(10_000, [])
    assert int(alone["TF_NUM_INTRAOP_THREADS"]) == os.cpu_count()
    assert {each["TF_NUM_INTRAOP_THREADS"] for each in many} == {"1"}
    assert alone["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
