"""Comparing runs: hand-made directories, and those that a search and a script leave."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest


def make_run(
    directory: Path,
    config: str,
    values: list[float],
    name: str = "val_balanced_accuracy",
    test: dict[str, Any] | None = None,
) -> Path:
    directory.mkdir(parents=True)
    (directory / "config.yaml").write_text(config)
    lines = [{"epoch": n, name: v, "seconds": 2.5} for n, v in enumerate(values, 1)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (directory / "metrics.jsonl").write_text(text)
    if test is not None:
        (directory / "test.json").write_text(json.dumps(test))
    return directory


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    common = "run_dir: {}\nmodel: {{dropout: {}}}\noptimizer: {{name: adam}}\n"
    tested = {"accuracy": 0.75, "intervals": {"accuracy": [0.7, 0.8]}}
    return [
        make_run(tmp_path / "a", common.format("a", 0.2), [0.5, 0.7, 0.6], test=tested),
        make_run(tmp_path / "b", common.format("b", 0.4), [0.4, 0.3]),
    ]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_shows_what_differs_and_what_came_of_it(keraunos, runs) -> None:
    answer = keraunos("compare", *runs)
    assert answer.code == 0
    shown = answer.out
    assert "optimizer.name" not in shown
    assert "run_dir" not in shown
    for text in (
        "model.dropout=0.2",
        "best val_balanced_accuracy 0.7 ",
        "test accuracy 0.75 [0.700, 0.800]",
        "7.5",
    ):
        assert text in shown


def test_the_table_as_csv_has_the_ends_of_intervals(keraunos, runs, tmp_path) -> None:
    assert keraunos("compare", *runs, "--csv", tmp_path / "runs.csv").code == 0
    first, second = read_csv(tmp_path / "runs.csv")
    assert (first["model.dropout"], second["model.dropout"]) == ("0.2", "0.4")
    assert (first["best"], first["best_by"]) == ("0.7", "val_balanced_accuracy")
    assert (first["test_accuracy_low"], first["test_accuracy_high"]) == ("0.7", "0.8")
    assert (first["epochs"], first["seconds"]) == ("3", "7.5")
    assert second["test_accuracy"] == ""


def test_of_a_loss_the_smallest_is_the_best(keraunos, tmp_path) -> None:
    make_run(tmp_path / "c", "seed: 0\n", [0.9, 0.4, 0.5], name="val_loss")
    assert keraunos("compare", tmp_path / "c", "--csv", tmp_path / "c.csv").code == 0
    assert read_csv(tmp_path / "c.csv")[0]["best"] == "0.4"


def test_a_folder_stands_for_the_runs_inside_and_none_comes_twice(
    keraunos, runs, tmp_path
) -> None:
    for number in (1, 2, 10):
        config = f"data: {{fold: {number}, folds: 10}}\n"
        make_run(tmp_path / "folds" / f"fold-{number}", config, [0.1 * number])
    given = [tmp_path / "folds", tmp_path / "folds" / "fold-2", runs[0]]
    keraunos("compare", *given, "--csv", tmp_path / "all.csv")
    names = [Path(row["run"]).name for row in read_csv(tmp_path / "all.csv")]
    assert names == ["fold-1", "fold-2", "fold-10", "a"]


def test_runs_with_the_same_settings_are_said_to_have_them(keraunos, tmp_path) -> None:
    for name in "ab":
        make_run(tmp_path / name, "seed: 0\n", [0.5])
    answer = keraunos("compare", tmp_path / "a", tmp_path / "b")
    assert "2 runs. Their settings are the same." in answer.out


def test_what_holds_no_run_is_2(keraunos, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    answer = keraunos("compare", tmp_path / "empty")
    assert answer.code == 2
    assert "must be a run directory, or hold some" in answer.err


def test_a_damaged_file_is_named(keraunos, runs) -> None:
    (runs[1] / "test.json").write_text('{"accuracy": ')
    answer = keraunos("compare", *runs)
    assert answer.code == 2
    assert str(runs[1] / "test.json") in answer.err


def test_a_run_of_a_script_is_compared_by_its_checkpoint(keraunos, tmp_path) -> None:
    for name, epochs in (("one", 1), ("two", 2)):
        run = make_run(tmp_path / name, "", [0.5])
        (run / "config.yaml").unlink()
        checkpoint = run / "checkpoints" / "step-00000003"
        checkpoint.mkdir(parents=True)
        (checkpoint.parent / "last.txt").write_text("step-00000003\n")
        settings = {"seed": 0, "trainer": {"max_epochs": epochs}}
        (checkpoint / "settings.json").write_text(json.dumps(settings))
    keraunos("compare", tmp_path / "one", tmp_path / "two", "--csv", tmp_path / "s.csv")
    assert [row["trainer.max_epochs"] for row in read_csv(tmp_path / "s.csv")] == ["1", "2"]


def test_finished_runs_are_compared(keraunos, small_run, tmp_path) -> None:
    answer = keraunos("compare", small_run.parent, "--csv", tmp_path / "small.csv")
    assert answer.code == 0
    (row,) = read_csv(tmp_path / "small.csv")
    assert row["epochs"] == "2"
    assert 0 <= float(row["test_accuracy_low"]) <= float(row["test_accuracy_high"]) <= 1
