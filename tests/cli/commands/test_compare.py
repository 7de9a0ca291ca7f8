"""Comparing runs: hand-made directories, and those of a search and a script."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keraunos as kr
import pytest
from drawn_predictions import drawn_predictions
from keraunos.core.bundle import Bundle, write_bundle
from keraunos.core.checked_files import (
    note_checksum,
    write_checked_json,
    write_checked_text,
)
from keraunos.evaluation import Predictions, write_predictions


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


def test_row_shows_differing_settings_and_results(keraunos, runs) -> None:
    answer = keraunos("compare", *runs)
    assert answer.code == 0
    shown = answer.out
    assert "optimizer.name" not in shown
    assert "run_dir" not in shown
    for text in (
        "model.dropout=0.2",
        "best epoch: val_balanced_accuracy 0.7 ",
        "test accuracy 0.75 [0.700, 0.800]",
        "7.5",
    ):
        assert text in shown


def test_csv_table_contains_interval_bounds(keraunos, runs, tmp_path) -> None:
    assert keraunos("compare", *runs, "--csv", tmp_path / "runs.csv").code == 0
    first, second = read_csv(tmp_path / "runs.csv")
    assert (first["model.dropout"], second["model.dropout"]) == ("0.2", "0.4")
    assert (first["best"], first["best_by"]) == ("0.7", "val_balanced_accuracy")
    assert (first["test_accuracy_low"], first["test_accuracy_high"]) == ("0.7", "0.8")
    assert (first["epochs"], first["seconds"]) == ("3", "7.5")
    assert second["test_accuracy"] == ""


def test_best_loss_is_the_smallest(keraunos, tmp_path) -> None:
    make_run(tmp_path / "c", "seed: 0\n", [0.9, 0.4, 0.5], name="val_loss")
    assert keraunos("compare", tmp_path / "c", "--csv", tmp_path / "c.csv").code == 0
    assert read_csv(tmp_path / "c.csv")[0]["best"] == "0.4"


def test_folder_expands_to_its_runs_without_duplicates(keraunos, runs, tmp_path) -> None:
    for number in (1, 2, 10):
        config = f"data: {{fold: {number}, folds: 10}}\n"
        make_run(tmp_path / "folds" / f"fold-{number}", config, [0.1 * number])
    given = [tmp_path / "folds", tmp_path / "folds" / "fold-2", runs[0]]
    keraunos("compare", *given, "--csv", tmp_path / "all.csv")
    names = [Path(row["run"]).name for row in read_csv(tmp_path / "all.csv")]
    assert names == ["fold-1", "fold-2", "fold-10", "a"]


def test_trial_over_folds_is_one_row_with_the_mean_score(keraunos, tmp_path) -> None:
    search = tmp_path / "search"
    for trial, rate in enumerate((0.0012345678901234567, 0.01)):
        for fold, score in enumerate((0.5, 0.7), 1):
            config = f"data: {{fold: {fold}}}\noptimizer: {{learning_rate: {rate}}}\n"
            make_run(search / f"trial-{trial:03d}" / f"fold-{fold}", config, [score, 0.1])
    make_run(search / "refit", "optimizer: {learning_rate: 0.01}\n", [0.9], name="loss")
    answer = keraunos("compare", search)
    assert "optimizer.learning_rate=0.001235" in answer.out
    assert "0.0012345" not in answer.out
    assert answer.out.count("mean over folds: val_balanced_accuracy 0.6 ± 0.1") == 2
    assert "data.fold" not in answer.out
    assert "10.0" in answer.out  # the seconds of four epochs
    assert answer.out.endswith("3 runs.\n")
    named = keraunos("compare", search / "trial-000" / "fold-1")
    assert named.out.endswith("1 run.\n")
    assert "best epoch: val_balanced_accuracy 0.5" in named.out


def test_identical_settings_are_reported(keraunos, tmp_path) -> None:
    for name in "ab":
        make_run(tmp_path / name, "seed: 0\n", [0.5])
    answer = keraunos("compare", tmp_path / "a", tmp_path / "b")
    assert "2 runs. Their settings are the same." in answer.out


@pytest.mark.parametrize("columns", [30, 60, 90])
def test_narrow_terminal_breaks_no_words(keraunos, runs, monkeypatch, columns) -> None:
    """Values are stacked if the table is too wide; this one needs 90 columns."""
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = keraunos("compare", *runs).out
    for words in ("model.dropout=0.2", "val_balanced_accuracy", "0.7", "[0.700, 0.800]"):
        assert words in shown
    is_table = columns == 90
    assert ("what differs" in shown) == is_table
    assert ("  3 epochs in 7.5 s" in shown.splitlines()) != is_table


def test_folder_without_runs_exits_with_code_2(keraunos, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    answer = keraunos("compare", tmp_path / "empty")
    assert answer.code == 2
    assert "must be a run directory, with a" in answer.err


def test_damaged_file_is_named(keraunos, runs) -> None:
    (runs[1] / "test.json").write_text('{"accuracy": ')
    answer = keraunos("compare", *runs)
    assert answer.code == 4
    assert str(runs[1] / "test.json") in answer.err


def test_settings_of_a_script_run_come_from_its_checkpoint(keraunos, tmp_path) -> None:
    for name, epochs in (("one", 1), ("two", 2)):
        run = make_run(tmp_path / name, "", [0.5])
        (run / "config.yaml").unlink()
        settings = {"seed": 0, "trainer": {"max_epochs": epochs}}
        checkpoint = run / "checkpoints" / "step-00000003"
        write_bundle(checkpoint, Bundle(documents={"settings": settings}))
    keraunos("compare", tmp_path / "one", tmp_path / "two", "--csv", tmp_path / "s.csv")
    assert [row["trainer.max_epochs"] for row in read_csv(tmp_path / "s.csv")] == ["1", "2"]


@pytest.mark.slow
def test_finished_runs_are_compared(keraunos, small_run, tmp_path) -> None:
    answer = keraunos("compare", small_run.parent, "--csv", tmp_path / "small.csv")
    assert answer.code == 0
    (row,) = read_csv(tmp_path / "small.csv")
    assert row["epochs"] == "2"
    assert 0 <= float(row["test_accuracy_low"]) <= float(row["test_accuracy_high"]) <= 1


def checked(run: Path) -> Path:
    """Rewrites the files of a run with their checksums."""
    for name in ("config.yaml", "metrics.jsonl"):
        write_checked_text(run / name, (run / name).read_text())
    write_checked_json(run / "test.json", {"accuracy": 0.75})
    return run


@pytest.mark.parametrize("name", ["metrics.jsonl", "test.json"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text(path.read_text().replace("5", "4")),
        lambda path: path.write_text(""),
        lambda path: path.write_bytes(b"\xff"),
    ],
)
def test_altered_result_file_exits_with_code_4(keraunos, runs, name, damage) -> None:
    damage(checked(runs[0]) / name)
    answer = keraunos("compare", *runs)
    assert answer.code == 4
    assert f"{name} must be as it was written" in answer.err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.jsonl", '{"epoch": 1, "loss": "low"}\n'),
        ("metrics.jsonl", "[1]\n"),
        ("test.json", '{"accuracy": "high"}'),
        ("test.json", '{"accuracy": 0.5, "intervals": {"accuracy": [1]}}'),
        ("test.json", "[0.5]"),
    ],
)
def test_values_of_the_wrong_type_exit_with_code_4(keraunos, runs, name, content) -> None:
    (runs[0] / name).write_text(content)
    answer = keraunos("compare", *runs)
    assert (answer.code, answer.err.count("error: ")) == (4, 1)
    assert "Traceback" not in answer.err


def test_modified_configuration_is_reported(keraunos, runs) -> None:
    (checked(runs[0]) / "config.yaml").write_text("seed: 3\n")
    answer = keraunos("compare", *runs)
    assert answer.code == 0
    assert "differs from what the run wrote" in answer.err


def test_missing_result_files_are_reported(keraunos, runs) -> None:
    for run in runs:
        checked(run)
    (runs[0] / "test.json").unlink()
    (runs[1] / "metrics.jsonl").unlink()
    answer = keraunos("compare", runs[0].parent)
    assert answer.code == 0
    assert f"{runs[0] / 'test.json'} is gone" in answer.err
    assert f"{runs[1]} has lost its metrics.jsonl" in answer.err


def make_tested_run(directory: Path, predictions: Predictions, first: int = 1) -> Path:
    """Makes a tested run, with the split of its images.

    Args:
        first: Number that identifies the content of the first image.
    """
    directory.mkdir()
    (directory / "metrics.jsonl").write_text("")
    write_predictions(directory / "predictions.csv", predictions)
    note_checksum(directory / "predictions.csv")
    rows = [
        "path,sha256,class,group,split,contradictory",
        f"/t/x.png,{9:064x},cat,9,train,no",
    ]
    for place, name in enumerate(predictions.names):
        label = predictions.class_names[predictions.labels[place]]
        odd = "yes" if place == 0 else "no"
        rows.append(f"/t/{name},{first + place:064x},{label},{place // 2},test,{odd}")
    (directory / "split.csv").write_text("\n".join(rows) + "\n")
    return directory


def test_paired_comparison_uses_the_first_run_as_reference(keraunos, tmp_path) -> None:
    predictions = drawn_predictions(60, seed=0)
    moved = replace(predictions, names=[f"../{name}" for name in predictions.names])
    worse = replace(moved, probabilities=moved.probabilities[:, [1, 2, 0]])
    runs = [
        make_tested_run(tmp_path / name, each)
        for name, each in (("a", predictions), ("b", moved), ("c", worse))
    ]
    answer = keraunos("compare", *runs, "--paired", "--csv", tmp_path / "pairs.csv")
    assert answer.code == 0
    assert "All test images: 60" in answer.out
    assert "Without images that also have another class: 59" in answer.out
    assert f"{runs[0]} is better." in answer.out
    assert "60 images form 30 groups" in answer.err
    rows = read_csv(tmp_path / "pairs.csv")
    assert [row["second"] for row in rows] == [str(runs[1])] * 4 + [str(runs[2])] * 4
    assert {row["difference"] for row in rows[:4]} == {"0.0"}
    assert all(float(row["high"]) < 0 for row in rows[4:])
    values = kr.compare_runs(runs[0], runs[2]).values
    assert float(rows[4]["low"]) == values["scores"]["accuracy"]["interval"][0]


def test_paired_comparison_of_different_images_is_rejected(keraunos, tmp_path) -> None:
    predictions = drawn_predictions(20, seed=0)
    runs = [
        make_tested_run(tmp_path / "a", predictions),
        make_tested_run(tmp_path / "b", predictions, first=7),
    ]
    answer = keraunos("compare", *runs, "--paired")
    assert answer.code == 2
    named = "images/0.png, images/1.png, images/2.png and 3 more"
    assert f"6 images of {runs[0]} only: {named}" in answer.err
    assert "Traceback" not in answer.err
    assert keraunos("compare", runs[0], "--paired").code == 2


def test_missing_or_damaged_predictions_are_rejected(keraunos, tmp_path) -> None:
    runs = [
        make_tested_run(tmp_path / name, drawn_predictions(20, seed=0)) for name in "ab"
    ]
    content = (runs[1] / "predictions.csv").read_text()
    (runs[1] / "predictions.csv").write_text(content.replace("0.5", "0.4"))
    answer = keraunos("compare", *runs, "--paired")
    assert answer.code == 4
    assert str(runs[1] / "predictions.csv") in answer.err
    (runs[1] / "predictions.csv").unlink()
    answer = keraunos("compare", *runs, "--paired")
    assert answer.code == 2
    assert f"`keraunos test {runs[1]}` writes it" in answer.err
