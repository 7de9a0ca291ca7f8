"""A chief and its workers, in processes of one machine that talk over its loopback."""

import json
import signal
import socket
import threading
import time
from dataclasses import replace

import hypermodels
import pytest
from hypermodels import SETTINGS, KillsOnce, Waits, WaitsForFiles, ended_trials, rows
from keraunos.core.errors import ConfigError
from keraunos.core.lock import directory_lock
from keraunos.core.secret import TOKEN_VARIABLE
from keraunos.search.cluster import handed_trial
from keraunos.search.cluster.chief import Chief
from keraunos.search.cluster.messages import (
    BUSY,
    Sender,
    fingerprint_of,
    outcome_to_json,
    read_plan,
    read_sender,
    read_settings,
)
from keraunos.search.cluster.role import ID, IP, PORT, Role, find_role
from keraunos.search.cluster.worker import Worker
from keraunos.search.processes import role_in_search
from keraunos.search.progress import TrialProgress
from keraunos.search.search import _run_plans
from keraunos.search.trials import DEATHS, Outcome, TrialPlan
from keraunos.search.tuning.service import payload_of, trial_message
from programs import Program, wait_for

TRIALS = 3
NOTHING = {"space": [], "values": {}}
OURS = fingerprint_of(SETTINGS)


@pytest.fixture
def port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def chief(port, tmp_path):
    """A chief that holds trials 0 and 1."""
    with Chief(Role("chief", f"127.0.0.1:{port}"), SETTINGS) as made:
        for number in (0, 1):
            made.begin(plan(tmp_path, number))
        yield made
        made._known.clear()  # no worker will ask again whether the search has ended


@pytest.fixture
def next_chief(chief, tmp_path):
    """A chief that starts after another gave trial 0 to "a" and 1 to "b"."""
    for name in ("a", "b"):
        request_trial(chief, name)
    made = Chief(Role("chief", ""), SETTINGS)
    made._began_at = time.monotonic()
    return made


def plan(folder, number):
    return TrialPlan(number, NOTHING, folder / f"trial-{number}")


def request_trial(chief, name, fingerprint=OURS):
    """What a worker gets: the number of a trial, or another answer of the chief."""
    return given(chief.create_trial(Sender(fingerprint, name).to_json()))


def send_heartbeat(chief, name, number):
    chief.get_trial(Sender(OURS, name, f"trial-{number}").to_json())


def given(message):
    if message.status != "RUNNING":
        return message.status
    return read_plan(payload_of(message)).number


def outcome_message(name, number, outcome, fingerprint=OURS):
    sender = Sender(fingerprint, name, f"trial-{number}").to_json()
    return trial_message("COMPLETED", outcome_to_json(outcome), sender)


def test_each_worker_gets_its_own_trial_and_the_same_one_after_a_restart(chief):
    assert [request_trial(chief, name) for name in ("a", "b", "c")] == [0, 1, "IDLE"]
    assert request_trial(chief, "b") == 1
    assert chief.has_room


def test_newly_idle_worker_wakes_the_chief_once(chief):
    for name in ("a", "b", "c", "c"):
        request_trial(chief, name)
    assert chief.has_room
    assert chief.wait() is None
    assert chief._news.empty()  # the second request of an idle worker is no news


def test_new_worker_taking_a_waiting_workers_trial_leaves_room_for_another(chief, tmp_path):
    for name in ("a", "b", "c"):
        request_trial(chief, name)
    assert chief.wait() is None
    chief.begin(plan(tmp_path, 2))  # for "c"
    assert request_trial(chief, "d") == 2
    assert chief.wait() is None
    assert chief.has_room


def test_outcome_is_not_lost_while_all_workers_are_idle(port, tmp_path):
    """The last trial ends while another is being recorded; both workers ask again."""
    plans = iter([plan(tmp_path, 0), plan(tmp_path, 1)])
    noted, is_noted = [], threading.Event()

    def note():
        for number, _ in _run_plans(chief, lambda: next(plans, None)):
            noted.append(number)
            is_noted.wait(60)

    with Chief(Role("chief", f"127.0.0.1:{port}"), SETTINGS) as chief:
        search = threading.Thread(target=note)
        search.start()
        for number, name in enumerate(("a", "b")):
            wait_for(lambda: request_trial(chief, name) == number)  # noqa: B023
        chief.end_trial(outcome_message("a", 0, Outcome("completed", [0.5])))
        wait_for(lambda: noted == [0])
        chief.end_trial(outcome_message("b", 1, Outcome("completed", [0.5])))
        assert [request_trial(chief, name) for name in ("a", "b")] == ["IDLE"] * 2
        is_noted.set()
        search.join(60)
        assert noted == [0, 1]
        chief._known.clear()


def test_trial_of_a_silent_worker_is_reassigned(chief, monkeypatch):
    request_trial(chief, "a")
    request_trial(chief, "b")
    monkeypatch.setattr(handed_trial, "SECONDS_OF_SILENCE", 0.3)
    time.sleep(0.4)
    send_heartbeat(chief, "b", 1)  # this worker is not silent
    assert request_trial(chief, "c") == 0


def test_trial_of_an_interrupted_worker_is_reassigned(chief):
    request_trial(chief, "a")
    chief.end_trial(outcome_message("a", 0, Outcome("interrupted", signal=15)))
    assert request_trial(chief, "b") == 0


def test_trial_that_keeps_killing_its_workers_is_marked_failed(chief):
    answers = [request_trial(chief, "a") for _ in range(DEATHS + 1)]
    assert answers == [0] * DEATHS + ["IDLE"]
    number, outcome = chief.wait()
    assert (number, outcome.status) == (0, "failed")
    assert f"{DEATHS} times" in outcome.reason


def test_only_the_first_outcome_of_a_trial_counts(chief):
    request_trial(chief, "a")
    for score in (0.1, 0.2):
        chief.end_trial(
            outcome_message("a", 0, Outcome("completed", [score, float("nan")]))
        )
    number, outcome = chief.wait()
    assert (number, outcome.scores[0]) == (0, 0.1)
    assert chief._news.empty()


def test_restarted_chief_leaves_trials_with_their_workers(
    next_chief, tmp_path, monkeypatch
):
    for number in (0, 1):
        next_chief.begin(plan(tmp_path, number))
    assert [request_trial(next_chief, name) for name in ("c", "b")] == ["IDLE", 1]
    monkeypatch.setattr(handed_trial, "SECONDS_OF_SILENCE", 0.3)
    time.sleep(0.4)
    send_heartbeat(next_chief, "b", 1)
    assert request_trial(next_chief, "c") == 0


def test_first_request_to_a_restarted_chief_does_not_count_as_a_death(next_chief, tmp_path):
    next_chief.begin(plan(tmp_path, 0))
    answers = [request_trial(next_chief, "a") for _ in range(DEATHS + 1)]
    assert answers == [0] * DEATHS + ["IDLE"]  # only deaths that it has seen count


def test_restarted_chief_learns_from_workers_which_trials_they_run(next_chief, tmp_path):
    send_heartbeat(next_chief, "d", 0)
    next_chief.end_trial(outcome_message("b", 1, Outcome("interrupted", signal=15)))
    for number in (0, 1):
        next_chief.begin(plan(tmp_path, number))
    assert [request_trial(next_chief, name) for name in ("c", "a", "d")] == [1, "IDLE", 0]


def test_outcome_received_before_its_trial_starts_is_used_once(next_chief, tmp_path):
    for score in (0.1, 0.2):
        next_chief.end_trial(outcome_message("a", 0, Outcome("completed", [score])))
    assert next_chief._news.empty()
    next_chief.begin(replace(plan(tmp_path, 0), export=True))  # is another task
    assert next_chief._news.empty()
    next_chief.begin(plan(tmp_path, 0))
    assert next_chief._news.get_nowait() == (0, Outcome("completed", [0.1]))
    assert next_chief._news.empty()


def test_restarted_chief_has_room_until_the_awaited_trial_starts(next_chief, tmp_path):
    request_trial(next_chief, "b")
    next_chief.begin(plan(tmp_path, 0))  # of "a"
    assert next_chief.has_room
    next_chief.begin(plan(tmp_path, 1))  # of "b"
    assert not next_chief.has_room


def test_trial_in_use_by_an_unknown_process_is_held_for_it(chief, monkeypatch):
    request_trial(chief, "a")
    chief.end_trial(outcome_message("a", 0, Outcome("interrupted", reason=BUSY)))
    assert [request_trial(chief, name) for name in ("a", "b")] == [1, "IDLE"]
    send_heartbeat(chief, "c", 0)
    assert request_trial(chief, "c") == 0
    chief.end_trial(outcome_message("c", 0, Outcome("interrupted", reason=BUSY)))
    monkeypatch.setattr(handed_trial, "SECONDS_OF_SILENCE", 0.3)
    time.sleep(0.4)
    assert request_trial(chief, "b") == 0


def test_worker_with_different_settings_can_neither_get_nor_end_trials(chief):
    assert [request_trial(chief, "a", "other") for _ in range(DEATHS + 1)] == [
        "INVALID"
    ] * 4
    refusal = chief.create_trial(Sender("other", "a").to_json())
    assert read_settings(payload_of(refusal)) == SETTINGS
    assert request_trial(chief, "b") == 0
    chief.end_trial(outcome_message("b", 0, Outcome("completed", [0.5]), "other"))
    assert chief._news.empty()


SPACE = {"space": [], "values": {"rate": 0.1}}
COMPLETED = json.loads(outcome_to_json(Outcome("completed", [0.5])))
BAD_OUTCOMES = [
    *({"scores": scores} for scores in ("0.5", ["0.5"], [True], [[0.5]], {"1": 0.5}, 0.5)),
    *({"status": status} for status in ("running", None, 1)),
    *({"seconds": seconds} for seconds in (-1.0, "long", None, True)),
    *({"signal": signal} for signal in (0, 1000, "15", 1.5)),
    *({"error": error} for error in ("KeyError", ["a"], [1, 2])),
    *({"hyperparameters": space} for space in ([], {"space": 3}, {"values": {}})),
    {"reason": None},
    {"traceback": 7},
    {"more": 1},
]


@pytest.mark.slow
@pytest.mark.parametrize("bad", BAD_OUTCOMES, ids=str)
def test_malformed_outcomes_are_rejected(bad, chief):
    request_trial(chief, "a")
    sender = Sender(OURS, "a", "trial-0").to_json()
    message = trial_message("COMPLETED", json.dumps(COMPLETED | bad), sender)
    with pytest.raises(ValueError, match=r"."):
        chief.end_trial(message)
    chief.end_trial(
        outcome_message("a", 0, Outcome("completed", [0.5], hyperparameters=SPACE))
    )
    assert chief.wait() == (0, Outcome("completed", [0.5], hyperparameters=SPACE))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_non_finite_scores_in_messages_are_rejected(number, chief):
    text = json.dumps(COMPLETED | {"scores": [0]}).replace("[0]", f"[{number}]")
    sender = Sender(OURS, "a", "trial-0").to_json()
    message = trial_message("COMPLETED", text, sender)
    with pytest.raises(ValueError, match=r"finite|Infinity|NaN|invalid"):
        chief.end_trial(message)


def test_epochs_without_a_finite_score_arrive_as_nan(chief):
    request_trial(chief, "a")
    scores = [0.5, float("nan"), float("inf")]
    chief.end_trial(outcome_message("a", 0, Outcome("completed", scores)))
    _, outcome = chief.wait()
    assert [score == 0.5 or str(score) for score in outcome.scores] == [True, "nan", "nan"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "sender",
    [
        "",
        "{}",
        "[",
        "[" * 100_000,
        "[1, 2, 3]",
        '["abc"]',
        '["abc", ""]',
        '["abc", "a\\nb"]',
        '["abc", "a", "../../elsewhere"]',
        '["abc", "a", "trial-3", "more"]',
        json.dumps(["abc", "a" * 1000]),
    ],
    ids=lambda text: text[:20],
)
def test_malformed_senders_are_rejected(sender, chief):
    for ask in (chief.create_trial, chief.get_trial):
        with pytest.raises(ValueError, match=r"."):
            ask(sender)
    assert not chief._known
    assert request_trial(chief, "a") == 0


def test_worker_returns_a_trial_whose_directory_is_locked(tmp_path, port):
    def fit(plan):
        raise AssertionError("it is in use")

    role = Role("a", f"127.0.0.1:{port}")
    with directory_lock(tmp_path):
        worker = Worker(role, fit, "loss", SETTINGS, tmp_path)
        outcome = worker._do(TrialPlan(0, NOTHING, tmp_path))
    assert (outcome.status, outcome.reason) == ("interrupted", BUSY)


def test_incomplete_environment_variables_are_rejected(monkeypatch):
    assert find_role() is None
    monkeypatch.setenv(IP, "127.0.0.1")
    with pytest.raises(ConfigError, match=f"{PORT}.*must all be set"):
        find_role()


def test_invalid_port_is_rejected(monkeypatch):
    for name, value in {ID: "chief", IP: "127.0.0.1", PORT: "80a"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"{PORT} must be a whole number from 1 to 65535"):
        find_role()


def test_cluster_search_beyond_localhost_requires_a_token(monkeypatch):
    for name, value in {ID: "chief", IP: "10.0.0.1", PORT: "8000"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"{TOKEN_VARIABLE} is not set"):
        find_role()
    monkeypatch.setenv(TOKEN_VARIABLE, "0123456789abcdef")
    assert find_role() == Role("chief", "10.0.0.1:8000")


def test_cluster_search_requires_a_run_directory(monkeypatch, tmp_path):
    for name, value in {ID: "worker", IP: "127.0.0.1", PORT: "8000"}.items():
        monkeypatch.setenv(name, value)
    assert role_in_search(tmp_path) == Role("worker", "127.0.0.1:8000")
    with pytest.raises(ConfigError, match="needs `run_dir`"):
        role_in_search(None)


def test_chief_tracks_trial_progress_and_restarts_of_each_worker(chief, monkeypatch):
    for name in ("a", "b", "c"):
        request_trial(chief, name)
    progress = TrialProgress(2, 9, 0.5, 1)
    chief.get_trial(Sender(OURS, "a", "trial-0", progress).to_json())
    send_heartbeat(chief, "b", 1)
    seen = {each.name: each for each in chief.workers}
    assert (seen["a"].plan.number, seen["a"].progress) == (0, progress)
    assert (seen["b"].plan.number, seen["b"].progress) == (1, None)
    assert seen["c"].plan is None
    assert request_trial(chief, "a") == 0  # it has died, and starts over
    (again,) = [each for each in chief.workers if each.name == "a"]
    assert (again.progress, again.restarts) == (None, 1)


@pytest.mark.parametrize(
    "progress", [[-1, 9], [1, 10**12], [1, 9, "NaN"], [1], "x", [1, 2, 3, 4, 5]]
)
def test_malformed_progress_reports_are_rejected(progress):
    text = json.dumps([OURS, "a", "trial-0", progress]).replace('"NaN"', "NaN")
    with pytest.raises(ValueError, match=r"\n3"):  # the fourth value is wrong
        read_sender(text)


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


def search_alone(folder):
    """Starts the same search in one process."""
    settings, log = {"max_trials": TRIALS}, folder.with_suffix(".log")
    return Program(hypermodels.program, folder, settings, output=log)


@pytest.mark.slow
def test_cluster_with_a_killed_worker_equals_a_single_process_search(begin, tmp_path):
    alone = search_alone(tmp_path / "one")
    trainer = {"callbacks": {"killer": KillsOnce()}}
    chief = begin("chief")
    workers = {name: begin(name, trainer=trainer) for name in ("one", "two")}
    marker = tmp_path / "s" / "trial-001.killed"
    wait_for(lambda: marker.exists() and marker.read_text())
    pid = int(marker.read_text())
    killed = next(name for name, program in workers.items() if program.pid == pid)
    assert workers[killed].end() == -signal.SIGKILL
    workers[killed] = begin(killed, trainer=trainer)
    assert chief.end() == 0, chief.output
    assert [program.end() for program in workers.values()] == [0, 0]
    assert alone.end() == 0, alone.output
    assert rows(tmp_path / "s") == rows(tmp_path / "one")
    assert len(list((tmp_path / "s").glob("*/model.keras"))) == 1
    lines = (tmp_path / "s" / "trial-001" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


@pytest.mark.nightly
def test_parallel_trials_in_a_cluster_equal_a_single_process_search(begin, tmp_path):
    alone = search_alone(tmp_path / "one")
    trainer = {"callbacks": {"killer": KillsOnce()}}
    chief = begin("chief", parallel_trials="auto")
    machine = begin("one", trainer=trainer, parallel_trials=2)
    assert chief.end() == 0, chief.output
    assert machine.end() == 0, machine.output
    assert (tmp_path / "s" / "trial-001.killed").exists()
    assert "was ended by SIGKILL and is restarted" in machine.output
    assert alone.end() == 0, alone.output
    assert rows(tmp_path / "s") == rows(tmp_path / "one")


@pytest.mark.nightly
def test_worker_exits_if_the_chief_dies_and_the_search_can_be_resumed(begin, tmp_path):
    trainer = {"callbacks": {"waits": Waits()}}
    folder = tmp_path / "s"
    chief = begin("chief")
    worker = begin("one", trainer=trainer, seconds_without_chief=2.0)
    wait_for((folder / "trial-001.waits").exists)
    chief.send(signal.SIGKILL)
    assert chief.end() == -signal.SIGKILL
    assert worker.end() == 6, worker.output
    assert "must answer within 2 seconds" in worker.output
    assert ended_trials(folder) == 1
    chief, worker = begin("chief"), begin("one")
    assert chief.end() == 0, chief.output
    assert worker.end() == 0
    assert [row["status"] for row in rows(folder)] == ["completed"] * TRIALS


@pytest.mark.nightly
def test_workers_keep_training_while_the_chief_restarts(begin, tmp_path):
    alone = search_alone(tmp_path / "one")
    trainer = {"callbacks": {"waits": WaitsForFiles()}}
    trials = [tmp_path / "s" / f"trial-00{number}" for number in range(TRIALS)]
    processes = [trial.with_suffix(".ran") for trial in trials]
    chief = begin("chief")
    workers = [begin(name, trainer=trainer) for name in ("one", "two")]
    wait_for(lambda: processes[0].exists() and processes[1].exists())
    chief.send(signal.SIGKILL)
    chief.end()
    trials[1].with_suffix(".go").touch()  # this one ends while there is no chief
    workers.append(begin("three", trainer=trainer))
    chief = begin("chief")
    wait_for(processes[2].exists)
    trials[0].with_suffix(".go").touch()
    assert chief.end() == 0, chief.output
    assert [worker.end() for worker in workers] == [0, 0, 0]
    ran = [int(file.read_text()) for file in processes]  # in one process each
    assert {ran[0], ran[1]} == {workers[0].pid, workers[1].pid}
    assert alone.end() == 0, alone.output
    assert rows(tmp_path / "s") == rows(tmp_path / "one")
    assert not list((tmp_path / "s").glob(".owner-of-*"))


@pytest.mark.slow
def test_trial_interrupted_before_its_fit_is_reassigned_immediately(chief, tmp_path, port):
    environment = {ID: "one", IP: "127.0.0.1", PORT: str(port)}
    program, output = hypermodels.worker_that_reads, tmp_path / "log"
    worker = Program(program, output=output, environment=environment)
    try:
        wait_for(lambda: "reads" in worker.output)
        worker.send(signal.SIGTERM)
        assert worker.end() == 128 + signal.SIGTERM
    finally:
        worker.stop()
    assert request_trial(chief, "two") == 0


@pytest.mark.slow
def test_worker_with_different_settings_exits_with_a_diff(begin, tmp_path):
    chief = begin("chief")
    worker = begin("one", seed=1)
    assert worker.end() == 2
    assert "same settings as the chief" in worker.output
    assert "  - seed: 0\n  + seed: 1\n" in worker.output
    assert not list((tmp_path / "s").glob(".owner-of-*"))
    chief.send(signal.SIGTERM)
    assert chief.end() == 128 + signal.SIGTERM
