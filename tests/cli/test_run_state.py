"""State of runs, searches and folds, derived from their directories."""

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
def test_last_event_determines_the_run_state(tmp_path, event, state):
    run = made_run(tmp_path / "a", (0.5,), event)
    assert (kind_of(run), state_of(run, "run")) == ("run", state)


def test_locked_run_is_running_and_a_stale_lock_is_ignored(tmp_path):
    run = made_run(tmp_path / "a", (0.5,), "checkpoint")
    with directory_lock(run):
        assert state_of(run, "run") == "running"
    (run / ".lock-owner").write_text("process 1 on elsewhere")  # left by a killed process
    assert state_of(run, "run") == "unfinished"
    with directory_lock(run):  # reading the state takes no lock
        assert state_of(run, "run") == "running"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\n", b"[1]\n", b"[" * 9999 + b"\n", b'{"kind": ["end"]}\n']
)
def test_unusable_event_log_falls_back_to_the_files(tmp_path, content):
    run = made_run(tmp_path / "a", (0.5,))
    (run / "events.jsonl").write_bytes(content)
    assert state_of(run, "run") == "unfinished"
    (run / "diverged.json").touch()
    if b"kind" not in content:
        assert state_of(run, "run") == "diverged"


def test_truncated_event_is_ignored_and_a_fifo_does_not_block(tmp_path):
    run = made_run(tmp_path / "a", (0.5,), "interrupted")
    with (run / "events.jsonl").open("a") as file:
        file.write('{"kind": "en')
    assert state_of(run, "run") == "interrupted"
    (run / "events.jsonl").unlink()
    os.mkfifo(run / "events.jsonl")
    assert state_of(run, "run") == "unfinished"


def test_state_of_folds_is_that_of_the_first_unfinished_fold(tmp_path):
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


def test_other_directories_are_not_runs(tmp_path):
    (tmp_path / "cat").mkdir()
    assert kind_of(tmp_path) == kind_of(tmp_path / "nowhere") == "other"
    assert last_change(tmp_path) is None
