"""How runs, searches and folds stand, by what lies in their directories."""

import os

import pytest
from keraunos.cli.run_state import kind_of, last_change, parts_of, state_of
from keraunos.core.lock import directory_lock
from made_runs import made_run


@pytest.mark.parametrize(
    ("event", "state"),
    [
        ("end", "finished"),
        ("interrupted", "interrupted"),
        ("divergence", "diverged"),
        ("failure", "failed"),
        ("checkpoint", "unfinished"),
        ("resumed", "unfinished"),
        (None, "unfinished"),
    ],
)
def test_the_last_event_decides(tmp_path, event, state):
    run = made_run(tmp_path / "a", (0.5,), event)
    assert (kind_of(run), state_of(run, "run")) == ("run", state)


def test_a_locked_run_is_running_and_a_lock_that_is_left_is_none(tmp_path):
    run = made_run(tmp_path / "a", (0.5,), "checkpoint")
    with directory_lock(run):
        assert state_of(run, "run") == "running"
    (run / ".lock-owner").write_text("process 1 on elsewhere")  # of a killed process
    assert state_of(run, "run") == "unfinished"
    with directory_lock(run):  # looking has not kept anybody out
        assert state_of(run, "run") == "running"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\n", b"[1]\n", b"[" * 9999 + b"\n", b'{"kind": ["end"]}\n']
)
def test_a_log_that_tells_nothing_leaves_it_to_the_files(tmp_path, content):
    run = made_run(tmp_path / "a", (0.5,))
    (run / "events.jsonl").write_bytes(content)
    assert state_of(run, "run") == "unfinished"
    (run / "diverged.json").touch()
    if b"kind" not in content:
        assert state_of(run, "run") == "diverged"


def test_a_torn_line_is_no_event_and_a_fifo_keeps_nobody_waiting(tmp_path):
    run = made_run(tmp_path / "a", (0.5,), "interrupted")
    with (run / "events.jsonl").open("a") as file:
        file.write('{"kind": "en')
    assert state_of(run, "run") == "interrupted"
    (run / "events.jsonl").unlink()
    os.mkfifo(run / "events.jsonl")
    assert state_of(run, "run") == "unfinished"


def test_folds_stand_as_the_first_that_is_not_finished(tmp_path):
    for number, event in ((1, "end"), (2, "interrupted"), (10, "end")):
        made_run(tmp_path / f"fold-{number}", (0.5,), event)
    assert kind_of(tmp_path) == "folds"
    assert [each.name for each in parts_of(tmp_path, "folds")][-1] == "fold-10"
    assert state_of(tmp_path, "folds") == "interrupted"
    (tmp_path / "folds.json").write_text("{}")
    assert state_of(tmp_path, "folds") == "finished"
    with directory_lock(tmp_path / "fold-2"):
        assert state_of(tmp_path, "folds") == "running"


def test_a_search_is_finished_once_a_trial_is_chosen(tmp_path):
    (tmp_path / "search.json").touch()
    assert (kind_of(tmp_path), state_of(tmp_path, "search")) == ("search", "unfinished")
    (tmp_path / "chosen.json").touch()
    assert state_of(tmp_path, "search") == "finished"


def test_something_else_is_no_run(tmp_path):
    (tmp_path / "cat").mkdir()
    assert kind_of(tmp_path) == kind_of(tmp_path / "nowhere") == "other"
    assert last_change(tmp_path) is None
