"""Scripts of benchmarks/better_models.py: no result is lost, and pairs match."""

import json
import sys
from argparse import Namespace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from better_models import trainings
from better_models_answers import answers
from better_models_cells import CELLS, Cell
from better_models_results import Results
from better_models_table import conclusions, print_table, score

OPTIONS = Namespace(
    data="photographs",
    image_size=32,
    seeds=2,
    folds=2,
    settings=["model.backbone=ResNet50"],
    cache_dir=None,
)


def line(cell, seed, fold, predicted, first=0):
    images = [f"{first + number}.png" for number in range(len(predicted))]
    labels = [number % 2 for number in range(len(predicted))]
    answers = {"images": images, "labels": labels, "predicted": predicted}
    key = {"cell": cell, "seed": seed, "fold": fold, "settings": "same"}
    return {**key, "cpu_seconds": 1.0, "validation": answers, "test": answers}


@pytest.mark.parametrize("name", CELLS)
def test_planned_trainings_are_unique_and_use_their_seed_and_fold(name):
    planned = list(trainings(CELLS[name], OPTIONS))
    keys = [json.dumps(each.key) for each in planned]
    assert len(set(keys)) == len(planned) == 2 * min(CELLS[name].folds or 1, 2)
    assert {each.key["settings"] for each in planned} == {planned[0].key["settings"]}
    assert all(each.config.seed == each.seed for each in planned)
    assert all(each.config.data.fold == each.fold for each in planned)


def test_different_settings_give_different_training_keys():
    training = next(trainings(CELLS["frozen"], OPTIONS))
    other = Namespace(
        **{**vars(OPTIONS), "settings": [*OPTIONS.settings, "model.dropout=0.7"]}
    )
    assert next(trainings(CELLS["frozen"], other)).key != training.key
    elsewhere = Namespace(**{**vars(OPTIONS), "cache_dir": "another", "data": "moved"})
    assert next(trainings(CELLS["frozen"], elsewhere)).key == training.key


def test_only_the_training_of_a_truncated_line_is_repeated(tmp_path):
    results = Results(tmp_path / "r.jsonl")
    for fold in (1, 2):
        results.append(line("a", 0, fold, [0, 1]))
    whole = results.path.read_bytes()
    results.path.write_bytes(whole[:-20])
    again = Results(results.path)
    assert line("a", 0, 1, []) in again
    assert line("a", 0, 2, []) not in again
    again.append(line("a", 0, 2, [0, 1]))
    assert results.path.read_bytes() == whole


def test_images_filed_under_two_classes_are_excluded():
    names = [f"data/Test/{name}" for name in ("a/1.png", "a/2.png", "b/2.png")]
    images = Namespace(names=names, contradictory=[False, True, True])
    found = answers(names, [0, 0, 1], [[0.2, 0.8], [0.9, 0.1], [0.9, 0.1]], images)
    assert found == {"images": ["Test/a/1.png"], "labels": [0], "predicted": [1]}


def test_unrelated_file_is_rejected_and_not_overwritten(tmp_path):
    (tmp_path / "notes.txt").write_text("first\nsecond\n")
    with pytest.raises(SystemExit, match=r"notes.txt:1: this is not a line of results"):
        Results(tmp_path / "notes.txt")


def test_scores_average_over_images_rather_than_trainings():
    lines = {(0, 1): line("a", 0, 1, [0, 0]), (0, 2): line("a", 0, 2, [0, 1, 0, 1], 2)}
    assert score(lines, "test").value == pytest.approx((3 / 3 + 2 / 3) / 2)


def test_differences_use_only_trainings_that_both_cells_have():
    one = {(0, 1): line("a", 0, 1, [0, 1] * 20), (1, 1): line("a", 1, 1, [1, 0] * 20)}
    other = {(0, 1): line("b", 0, 1, [0, 0] * 20)}
    found = score(one, "validation", other)
    assert found.value == pytest.approx(0.5)
    assert score(one, "validation", {(5, 1): other[0, 1]}) is None
    moved = {(0, 1): line("b", 0, 1, [0, 0] * 20, first=7)}
    with pytest.raises(SystemExit, match="different images"):
        score(one, "validation", moved)


def test_missing_cells_are_listed_and_conclusions_follow_the_interval(tmp_path, capsys):
    cells = {n: Cell(n, "baseline", against=()) for n in ("frozen", "idle")}
    cells["better"] = Cell("better", "loss")
    results = Results(tmp_path / "r.jsonl")
    results.append(line("frozen", 0, 1, [0, 0] * 30))
    results.append(line("better", 0, 1, [0, 1] * 30))
    keys = [line(name, 0, 1, []) for name in cells]
    summary = print_table(cells, keys, results)
    printed = capsys.readouterr().out
    assert "| idle | 0 of 1 | was not run | was not run | |" in printed
    assert "better against frozen, Test: +0.500" in printed
    assert summary.keys() == {"frozen", "better"}
    same = {"frozen": {(0, 1): results[keys[0]]}, "better": {(0, 1): results[keys[0]]}}
    assert "no difference shown" in conclusions({"better": cells["better"]}, same)[0]
