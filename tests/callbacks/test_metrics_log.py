import json
import math

import pytest
from hand_made_runs import SPEED, end_epoch, new_run
from keraunos.callbacks import MetricsLog


def lines(path):
    def refuse(word):
        pytest.fail(f"{word} is not JSON")

    text = (path / "metrics.jsonl").read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


@pytest.mark.feature("metrics file", "speed")
def test_each_epoch_line_holds_position_and_metrics_in_order(tmp_path):
    run, log = new_run(run_dir=tmp_path), MetricsLog()
    end_epoch(run, log, loss=0.75, val_loss=0.5, **SPEED)
    end_epoch(run, log, loss=0.25, val_loss=0.125, **SPEED)
    first, second = lines(tmp_path)
    assert list(first) == ["epoch", "step", "loss", "val_loss", *SPEED]
    assert (first["epoch"], first["step"], first["loss"]) == (1, 3, 0.75)
    assert (second["epoch"], second["step"], second["val_loss"]) == (2, 6, 0.125)


def test_epoch_line_contains_the_means_of_sampled_steps(tmp_path):
    run = new_run(run_dir=tmp_path)
    run.health.add(1, {"update_ratio/head": 0.25})
    run.health.add(2, {"update_ratio/head": 0.75})
    end_epoch(run, MetricsLog(), loss=1.0)
    (line,) = lines(tmp_path)
    assert line["health/update_ratio/head"] == 0.5
    assert "health/update_ratio/head" not in run.history


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_values_are_written_as_null(tmp_path, value):
    end_epoch(new_run(run_dir=tmp_path), MetricsLog(), loss=1.0, val_loss=value)
    assert lines(tmp_path) == [{"epoch": 1, "step": 3, "loss": 1.0, "val_loss": None}]


def test_resumed_run_appends_to_the_same_file(tmp_path):
    run = new_run(run_dir=tmp_path)
    for loss in (0.5, 0.25):
        end_epoch(run, MetricsLog(), loss=loss)
    assert [line["epoch"] for line in lines(tmp_path)] == [1, 2]


def test_nothing_is_written_without_a_run_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    end_epoch(new_run(), MetricsLog(), loss=1.0)
    assert not list(tmp_path.iterdir())


def resumed(path, **history):
    """A run that continues after two epochs of three steps."""
    run = new_run(run_dir=path)
    run.epoch, run.step, run.history = 2, 6, history
    return run


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text(path.read_text().replace("0.5", "0.4")),
        lambda path: path.write_text(path.read_text().replace('"step": 3', '"step": 2')),
        lambda path: path.write_text(path.read_text()[:20]),
        lambda path: path.write_bytes(b"\xff" + path.read_bytes()[1:]),
        lambda path: path.write_text('[1]\n{"epoch": "two"}\n'),
        lambda path: path.unlink(),
    ],
)
def test_damaged_lines_are_repaired_from_the_history(tmp_path, damage, capsys):
    run = new_run(run_dir=tmp_path)
    for loss in (0.5, math.nan):
        end_epoch(run, MetricsLog(), loss=loss)
    whole = (tmp_path / "metrics.jsonl").read_text()
    damage(tmp_path / "metrics.jsonl")
    MetricsLog().on_fit_begin(resumed(tmp_path, loss=[0.5, math.nan]))
    assert (tmp_path / "metrics.jsonl").read_text() == whole
    assert "metrics.jsonl was damaged" in capsys.readouterr().err


def test_truncated_line_and_later_epochs_are_dropped_silently(tmp_path, capsys):
    run = new_run(run_dir=tmp_path)
    for loss in (0.5, 0.25, 0.125):
        end_epoch(run, MetricsLog(), loss=loss)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 4, "st')
    MetricsLog().on_fit_begin(resumed(tmp_path, loss=[0.5, 0.25]))
    assert [line["loss"] for line in lines(tmp_path)] == [0.5, 0.25]
    assert not capsys.readouterr().err
