"""The table of a search on terminals of any size, and lines in logs."""

import io
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import keras_tuner
import pytest
from keraunos.callbacks.monitor import Monitor
from keraunos.cli.search_display import Board, search_display, shows_table
from keraunos.core.console import PlainConsole, notify
from keraunos.search.pace import Pace
from keraunos.search.progress import TrialProgress, WorkerStatus
from keraunos.search.study import Trial
from keraunos.search.trials import TrialPlan
from terminal import Terminal, left_standing

NOW = 1000.0
SPACE = keras_tuner.HyperParameters()
SPACE.Float("model.dropout", 0.0, 0.5)
ORACLE = SimpleNamespace(max_trials=24, hyperparameters=SPACE)


def trial(number, score=None, **more):
    space = SimpleNamespace(values={"model.dropout": 0.25, "optimizer.lr": 0.001})
    status = "failed" if score is None else "completed"
    return Trial(number, space, status=status, score=score, seconds=21.5, **more)


def worker(name, number, progress=None, **more):
    plan = TrialPlan(number, {"values": {}}, Path(f"trial-{number:03d}"))
    return WorkerStatus(name, plan, progress, since=NOW - 75.0, **more)


def session(workers, trials, reason=""):
    ticks = iter([0.0, 60.0])
    pace = Pace(clock=lambda: next(ticks))
    pace.begin(0)
    pace.end(0)
    study = SimpleNamespace(
        trials={each.number: each for each in trials},
        objective=Monitor("val_balanced_accuracy"),
        oracle=ORACLE,
        ranking=lambda: sorted(
            (t for t in trials if t.score is not None), key=lambda t: -t.score
        ),
    )
    budget = SimpleNamespace(pace=pace, seconds_left=None, reason=reason)
    return SimpleNamespace(
        study=study,
        budget=budget,
        executor=SimpleNamespace(workers=workers),
        num_ended=len(trials),
        max_trials=24,
    )


def drawn(shown, width=120, height=40):
    """Output sent to a terminal of that size."""
    file = io.StringIO()
    console = PlainConsole(file=file, width=width, height=height, force_terminal=True)
    board = Board(shown, clock=lambda: NOW)
    console.print(board.render(width, height))
    return file.getvalue()


def lines_of(shown, **size):
    """Visible lines of that terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", drawn(shown, **size)).splitlines()


BUSY = session(
    [
        worker("0", 4, TrialProgress(3, 10, 0.71234, 2)),
        worker("1", 5, restarts=2),
        worker("far", 6, heard_at=NOW - 40.0),
        WorkerStatus("3"),
    ],
    [
        trial(0, 0.7, best_epoch=7),
        trial(1),
        trial(2, 0.81, fold_scores=[0.8, 0.82], best_epoch=9),
    ],
)


@pytest.fixture(autouse=True)
def no_color(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")


def test_table_shows_scores_with_standard_error_and_worker_status():
    lines = lines_of(BUSY)
    assert lines[0].startswith("3 of at most 24 trials finished, 1 failed, 0 s")
    assert lines[0].endswith("about 21 min to go")
    best = lines[2].split()
    assert best[:6] == ["trial-002", "0.8100", "±", "0.0100", "9", "21.5"]
    assert best[6:] == ["0.25", "0.001"]
    at = {line.split()[0]: line.split()[1:] for line in lines[5:]}
    assert at["0"] == ["trial-004", "2", "3/10", "0.7123", "75", "s"]
    assert " ".join(at["1"]).endswith("75 s died, restarted 2 times")
    assert " ".join(at["far"]).endswith("silent for 40 s")
    assert at["3"] == ["waiting"]


@pytest.mark.parametrize(("width", "height"), [(20, 10), (40, 15), (79, 24), (200, 5)])
def test_table_fits_any_terminal_size(width, height):
    many = session(
        [worker(str(n), n, TrialProgress(1, 10, 0.5)) for n in range(16)],
        [trial(n, n / 100) for n in range(20)],
    )
    lines = lines_of(many, width=width, height=height)
    assert max(map(len, lines)) <= width
    assert len(lines) <= max(height, 8) + 4
    text = " ".join(lines)
    assert "trial-0" in text


def test_no_color_output_contains_no_color_codes():
    assert not [code for code in drawn(BUSY).split("\x1b[")[1:] if code[0] == "3"]


def test_redirected_output_gets_lines_instead_of_a_table(capsys):
    assert not shows_table()  # standard error is not a terminal here
    with search_display(BUSY) as write:
        write("trial-000: done")
    assert capsys.readouterr().err == "trial-000: done\n"


def terminal(monkeypatch):
    """Makes standard error a terminal on which the table is redrawn continuously."""
    file = Terminal()
    monkeypatch.setattr("sys.stderr", file)
    monkeypatch.setattr("keraunos.cli.search_display.SECONDS_BETWEEN_DRAWINGS", 0.001)
    return file


def test_trial_output_leaves_no_table_fragments_on_screen(monkeypatch):
    file = terminal(monkeypatch)
    sent = [f"Computing features: {number} of 40" for number in range(40)]
    with search_display(BUSY):
        for line in sent:  # in this thread, while another one redraws
            notify(line)
            print(f"seen {line}", file=sys.stderr)
            time.sleep(0.002)
    assert left_standing(file.getvalue()) == [
        each for s in sent for each in (s, f"seen {s}")
    ]


def test_printed_lines_and_table_both_appear_on_a_terminal(monkeypatch):
    file = terminal(monkeypatch)
    with search_display(BUSY) as write:
        write("trial-000: [red]done")
        deadline = time.monotonic() + 10.0
        while "trial-004" not in file.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "trial-000: [red]done" in file.getvalue()
    assert "trial-004" in file.getvalue()
    assert file.getvalue().endswith("\x1b[?25h") or "\x1b[?25h" in file.getvalue()
