"""A chief and its workers, in processes of one machine that talk over its loopback."""

import json
import signal
import socket
import threading
import time
from pathlib import Path

import hypermodels
import keras_tuner
import pytest
from hypermodels import KillsOnce, Waits, ended_trials, rows
from keras_tuner.src.engine.trial import Trial as Message
from keraunos.core.errors import ConfigError
from keraunos.search import cluster
from keraunos.search.cluster import PAYLOAD, Chief
from keraunos.search.cluster_messages import outcome_to_json, read_plan
from keraunos.search.place import ID, IP, PORT, Place, find_place
from keraunos.search.search import _hand_out
from keraunos.search.trials import DEATHS, Outcome, TrialPlan
from programs import Program, wait_for

TRIALS = 3
NOTHING = {"space": [], "values": {}}


@pytest.fixture
def port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def chief(port):
    """One that holds the trials 0 and 1."""
    with Chief(Place("chief", f"127.0.0.1:{port}"), "abc") as made:
        for number in (0, 1):
            made.begin(plan(number))
        yield made
        made._known.clear()  # nobody will come back to hear that it is over


def plan(number):
    return TrialPlan(number, NOTHING, Path("s") / f"trial-{number}")


def given(message):
    """The number of the trial that a worker gets, or the chief's other answer."""
    if message.status != "RUNNING":
        return message.status
    return read_plan(message.hyperparameters.values[PAYLOAD])[0].number


def told(number, outcome):
    space = keras_tuner.HyperParameters()
    space.values = {PAYLOAD: outcome_to_json(outcome)}
    return Message(space, str(number), "COMPLETED")


def test_each_worker_gets_a_trial_of_its_own_and_the_same_after_a_restart(chief):
    assert [given(chief.create_trial(name)) for name in ("a", "b", "c")] == [0, 1, "IDLE"]
    assert given(chief.create_trial("b")) == 1
    assert chief.has_room


def test_a_worker_that_begins_to_wait_is_noticed_whenever_it_asks(chief):
    for name in ("a", "b", "c", "c"):
        chief.create_trial(name)
    assert chief.has_room
    assert chief.wait() is None
    assert chief._news.empty()  # the second time it has been known to wait


def test_an_outcome_is_not_lost_where_all_workers_wait_in_vain(port):
    """The last trial ends while the one before is noted, and both workers ask again."""
    plans, noted, is_noted = iter([plan(0), plan(1)]), [], threading.Event()

    def note():
        for number, _ in _hand_out(chief, lambda: next(plans, None)):
            noted.append(number)
            is_noted.wait(60)

    with Chief(Place("chief", f"127.0.0.1:{port}"), "abc") as chief:
        search = threading.Thread(target=note)
        search.start()
        for number, name in enumerate(("a", "b")):
            wait_for(lambda: given(chief.create_trial(name)) == number)  # noqa: B023
        chief.end_trial(told(0, Outcome("completed", [0.5])))
        wait_for(lambda: noted == [0])
        chief.end_trial(told(1, Outcome("completed", [0.5])))
        assert [given(chief.create_trial(name)) for name in ("a", "b")] == ["IDLE"] * 2
        is_noted.set()
        search.join(60)
        assert noted == [0, 1]
        chief._known.clear()


def test_a_trial_whose_worker_is_silent_goes_to_another(chief, monkeypatch):
    chief.create_trial("a")
    chief.create_trial("b")
    monkeypatch.setattr(cluster, "SECONDS_OF_SILENCE", 0.3)
    time.sleep(0.4)
    chief.get_trial("1")  # of this one something is heard
    assert given(chief.create_trial("c")) == 0


def test_a_trial_of_a_worker_that_leaves_goes_to_another(chief):
    chief.create_trial("a")
    chief.end_trial(told(0, Outcome("interrupted", signal=15)))
    assert given(chief.create_trial("b")) == 0


def test_a_trial_that_ends_its_workers_is_marked(chief):
    answers = [given(chief.create_trial("a")) for _ in range(DEATHS + 1)]
    assert answers == [0] * DEATHS + ["IDLE"]
    number, outcome = chief.wait()
    assert (number, outcome.status) == (0, "failed")
    assert f"{DEATHS} times" in outcome.reason


def test_what_came_of_a_trial_is_taken_once(chief):
    chief.create_trial("a")
    for score in (0.1, 0.2):
        chief.end_trial(told(0, Outcome("completed", [score, float("nan")])))
    number, outcome = chief.wait()
    assert (number, outcome.scores[0]) == (0, 0.1)
    assert chief._news.empty()


def test_half_of_the_variables_are_refused(monkeypatch):
    assert find_place() is None
    monkeypatch.setenv(IP, "127.0.0.1")
    with pytest.raises(ConfigError, match=f"{PORT}.*must all be set"):
        find_place()


@pytest.fixture
def begin(tmp_path, port):
    """Starts the chief or a worker."""
    started = []

    def start(name, **settings):
        environment = {ID: name, IP: "127.0.0.1", PORT: str(port)}
        settings = {"max_trials": TRIALS, "trainer": {}} | settings
        output = tmp_path / f"{name}-{len(started)}.log"
        program = Program(
            hypermodels.program,
            tmp_path / "s",
            settings,
            output=output,
            environment=environment,
        )
        started.append(program)
        return program

    yield start
    for program in started:
        program.stop()


@pytest.mark.slow
def test_a_cluster_finds_what_one_process_finds_though_a_worker_is_killed(begin, tmp_path):
    alone = Program(
        hypermodels.program,
        tmp_path / "one",
        {"max_trials": TRIALS},
        output=tmp_path / "log",
    )
    trainer = {"callbacks": {"killer": KillsOnce()}}
    chief = begin("chief")
    workers = {name: begin(name, trainer=trainer) for name in ("one", "two")}
    marker = tmp_path / "s" / "trial-001.killed"
    wait_for(marker.exists, 240)
    pid = int(marker.read_text())
    killed = next(name for name, program in workers.items() if program.pid == pid)
    assert workers[killed].end() == -signal.SIGKILL
    workers[killed] = begin(killed, trainer=trainer)
    assert chief.end(240) == 0, chief.output
    assert [program.end() for program in workers.values()] == [0, 0]
    assert alone.end() == 0, alone.output
    assert rows(tmp_path / "s") == rows(tmp_path / "one")
    assert len(list((tmp_path / "s").glob("*/model.keras"))) == 1
    lines = (tmp_path / "s" / "trial-001" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


@pytest.mark.slow
def test_a_dead_chief_is_noticed_and_the_search_goes_on(begin, tmp_path):
    trainer = {"callbacks": {"waits": Waits()}}
    folder = tmp_path / "s"
    chief = begin("chief")
    worker = begin("one", trainer=trainer, seconds_without_chief=2.0)
    wait_for((folder / "trial-001.waits").exists, 240)
    chief.send(signal.SIGKILL)
    assert chief.end() == -signal.SIGKILL
    assert worker.end() == 6, worker.output
    assert "must answer within 2 seconds" in worker.output
    assert ended_trials(folder) == 1
    chief, worker = begin("chief"), begin("one")
    assert chief.end(240) == 0, chief.output
    assert worker.end() == 0
    assert [row["status"] for row in rows(folder)] == ["completed"] * TRIALS


@pytest.mark.slow
def test_a_worker_with_other_settings_is_refused(begin):
    chief = begin("chief")
    worker = begin("one", seed=1)
    assert worker.end(240) == 2
    assert "settings of the chief" in worker.output
    chief.send(signal.SIGTERM)
    assert chief.end() == 128 + signal.SIGTERM
