"""`keraunos runs`: a line for each run, even if its files are damaged."""

import json

import pytest
from keraunos.core.checked_files import write_checked_json
from keraunos.core.lock import directory_lock
from made_runs import made_run


@pytest.fixture
def folder(tmp_path):
    runs = tmp_path / "runs"
    test = {"accuracy": 0.75, "balanced_accuracy": 0.625}
    made_run(runs / "a-10", (0.5, 0.75, 0.625), "end", test)
    made_run(runs / "a-2", (0.5,), "interrupted")
    made_run(runs / "deeper" / "b", (0.25,), "divergence")
    return runs


def rows(answer):
    lines = answer.out.splitlines()
    return {line.split("  ")[0]: line for line in lines[1 : lines.index("")]}


def test_row_shows_state_epochs_and_scores_of_a_run(keraunos, folder):
    answer = keraunos("runs")
    assert (answer.code, answer.err) == (0, "")
    found = rows(answer)
    assert list(found) == ["a-2", "a-10", "deeper/b"]
    words = ("finished", "3 epochs", "balanced accuracy 0.75", "balanced accuracy 0.625")
    assert all(word in found["a-10"] for word in words)
    assert "1 epoch " in found["a-2"]
    assert "2 s" in found["a-2"] or "s" in found["a-2"]


def test_next_commands_are_printed_on_their_own_lines(keraunos, folder):
    with directory_lock(folder / "a-10"):
        answer = keraunos("runs")
    lines = answer.out.splitlines()
    assert "1 interrupted, 1 running, 1 diverged" in lines
    assert "  keraunos fit --resume runs/a-2" in lines
    assert "  keraunos tensorboard runs/a-10" in lines


def test_values_are_stacked_on_a_narrow_terminal(keraunos, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    lines = keraunos("runs").out.splitlines()
    assert lines[:3] == ["runs/a-2", "  interrupted", "  1 epoch"]
    assert "  test balanced accuracy 0.625" in lines


@pytest.mark.parametrize(
    ("name", "content", "state"),
    [
        ("metrics.jsonl", b"\xff", "damaged"),
        ("metrics.jsonl", b'{"loss": "low"}\n', "damaged"),
        ("test.json", b'{"accuracy": ', "damaged"),
        ("test.json", b"[" * 99_999, "damaged"),
        ("config.yaml", b"a: [", "finished"),
        ("environment.json", b"\0", "finished"),
    ],
)
def test_row_of_a_damaged_run_names_the_file(keraunos, folder, name, content, state):
    (folder / "a-10" / name).write_bytes(content)
    answer = keraunos("runs")
    assert (answer.code, answer.err) == (0, "")
    row = rows(answer)["a-10"]
    assert state in row
    assert state == "finished" or f"see {name}" in row


def test_other_folders_are_marked_and_escape_codes_are_neutralized(keraunos, folder):
    (folder / "\x1b[31mred").mkdir()
    answer = keraunos("runs")
    assert "not a run" in rows(answer)["\\x1b[31mred"]
    assert "\x1b" not in answer.out


def test_searches_and_folds_take_one_row_and_list_their_parts_by_name(keraunos, folder):
    search, folds = folder / "s", folder / "f"
    made_run(search / "trial-000", (0.5,), "end")
    write_checked_json(search / "search.json", {})
    chosen = {"objective": "val_accuracy", "score": 0.875}
    (search / "chosen.json").write_text(json.dumps(chosen))
    made_run(folds / "fold-1", (0.5,), "end")
    scores = {"validation": {"folds": 1, "accuracy": {"mean": 0.5}}, "test": {}}
    (folds / "folds.json").write_text(json.dumps(scores))
    found = rows(keraunos("runs"))
    assert "1 trial" in found["s"]
    assert "accuracy 0.875" in found["s"]
    assert "1 fold " in found["f"]
    assert list(rows(keraunos("runs", "runs/s"))) == ["trial-000"]
    (folds / "folds.json").write_text("[1]")
    (search / "chosen.json").write_text('{"score": "high"}')
    found = rows(keraunos("runs"))
    assert "see chosen.json" in found["s"]
    assert "see folds.json" in found["f"]


def test_empty_folder_suggests_a_command_and_missing_one_exits_with_2(keraunos, tmp_path):
    (tmp_path / "runs").mkdir()
    assert keraunos("runs").out == ("No runs in runs. Start one: keraunos fit quickstart\n")
    answer = keraunos("runs", "nowhere")
    assert answer.code == 2
    assert "FOLDER must be a folder of runs. Received: folder='nowhere'" in answer.err


RESULTS = """\
trial,status,val_balanced_accuracy,epochs,standard_error,folds,fold_1,fold_2,fold_3,x,reason
0,completed,0.53711,7,0.00591,3,0.5,0.5,0.6,0.1,no more epochs
1,completed,0.43,5,,2,0.5,0.4,,0.2,it can no longer win
2,failed,,2,,0,,,,0.3,"fold 1: diverged, at step 3"
"""


def test_trials_are_listed_beside_results_of_something_else(keraunos, tmp_path):
    search = tmp_path / "runs" / "s"
    made_run(search / "trial-000" / "fold-1", (0.5,), "end")
    (search / "search.json").touch()
    (search / "results.csv").write_text("model,accuracy\na,0.5\n")
    assert list(rows(keraunos("runs", search))) == ["trial-000"]


def test_trials_over_folds_show_mean_scores_and_refit_has_its_own_row(keraunos, tmp_path):
    search = tmp_path / "runs" / "s"
    for number in range(3):
        made_run(search / f"trial-00{number}" / "fold-1", (0.5,), "end")
    made_run(search / "refit", (0.5,), "end", {"accuracy": 0.5, "balanced_accuracy": 0.445})
    (search / "search.json").touch()
    (search / "results.csv").write_text(RESULTS)
    chosen = {"objective": "val_balanced_accuracy", "score": 0.53711}
    (search / "chosen.json").write_text(json.dumps(chosen | {"corrected_score": 0.5206}))
    found = rows(keraunos("runs", search))
    assert list(found) == ["trial-000", "trial-001", "trial-002", "refit"]
    words = ("finished", "3 folds", "balanced accuracy 0.5371 +- 0.0059")
    assert all(word in found["trial-000"] for word in words)
    assert "stopped after 2 of 3 folds" in found["trial-001"]
    assert "+-" not in found["trial-001"]
    assert "failed" in found["trial-002"]
    assert "fold 1: diverged, at step 3" in found["trial-002"]
    assert "balanced accuracy 0.445" in found["refit"]
    (whole,) = rows(keraunos("runs")).values()
    assert "balanced accuracy 0.5206, corrected" in whole
    assert whole.count("balanced accuracy 0.445") == 1
    shown = keraunos("show", search).out
    assert "trial-000: finished, 3 folds, balanced accuracy 0.5371 +- 0.0059" in shown
    assert "refit: finished" in shown
