"""`keraunos show`: summarize one run."""

import json

import pytest
from keraunos.core.bundle import Bundle, write_bundle
from keraunos.core.checked_files import write_checked_text
from made_runs import made_run


@pytest.fixture
def run(tmp_path):
    scores = {"accuracy": 0.75, "macro_f1": 0.5, "intervals": {"accuracy": [0.5, 0.875]}}
    settings = ("seed=3", "data.train=/lesions", "callbacks.early_stopping.patience=9")
    run = made_run(
        tmp_path / "runs" / "classify-001", (0.5, 0.75, 0.7), "end", scores, settings
    )
    command = ["/bin/keraunos", "fit", "classify", "data.train=my \x1b[31mlesions"]
    (run / "environment.json").write_text(json.dumps({"command": command}))
    rows = ["a.png,0,cat,,train,no", "b.png,1,dog,,train,no", "c.png,2,cat,,test,no"]
    text = "\n".join(["path,sha256,class,group,split,contradictory", *rows])
    (run / "split.csv").write_text(text)
    return "runs/classify-001"


def test_summary_shows_settings_progress_scores_and_next_command(keraunos, run):
    answer = keraunos("show", run)
    assert (answer.code, answer.err) == (0, "")
    first, *lines = answer.out.splitlines()
    assert first.startswith(f"{run}: finished, ")
    assert lines == [
        r"command: keraunos fit classify 'data.train=my \x1b[31mlesions'",
        "settings, compared with the recipe classify:",
        "  callbacks.early_stopping.patience: 3 -> 9",
        "  data.train: None -> '/lesions'",
        "  seed: 0 -> 3",
        "images: 2 train, 1 test; 2 classes",
        "epochs: 3 of 10, 4 min",
        "best epoch: 2, val_balanced_accuracy 0.75",
        "test accuracy: 0.75 [0.500, 0.875]",
        "test macro f1: 0.5",
        "files: model.keras, config.yaml",
        f"next: keraunos report {run}",
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.jsonl", b"\xff"),
        ("test.json", b"[1]"),
        ("split.csv", b"path\na.png\n"),
        ("split.csv", b"\xff"),
        ("config.yaml", b"a: ["),
        ("config.yaml", b"no_such_setting: 1\n"),
        ("environment.json", b'{"command": 7}'),
        ("environment.json", b"[" * 99_999),
    ],
)
def test_damaged_file_is_named_and_the_rest_is_shown(
    keraunos, run, tmp_path, name, content
):
    (tmp_path / run / name).write_bytes(content)
    answer = keraunos("show", run)
    assert answer.code == 0
    assert "Traceback" not in answer.out + answer.err
    assert ("damaged: " in answer.out) == (
        name in ("metrics.jsonl", "test.json", "split.csv")
    )
    assert ("settings: " in answer.out) == (name == "config.yaml")
    assert "files: model.keras" in answer.out


def test_script_run_is_shown_without_a_recipe_comparison(keraunos, run, tmp_path):
    (tmp_path / run / "config.yaml").unlink()
    answer = keraunos("show", run)
    assert answer.code == 0
    assert "compared with" not in answer.out


def test_each_fold_is_shown_on_one_line(keraunos, tmp_path):
    made_run(tmp_path / "f" / "fold-1", (0.5,), "end")
    made_run(tmp_path / "f" / "fold-2", (0.25,), "interrupted")
    lines = keraunos("show", "f").out.splitlines()
    assert lines[1:] == [
        "2 folds",
        "  fold-1: finished, 1 epoch, balanced accuracy 0.5",
        "  fold-2: interrupted, 1 epoch, balanced accuracy 0.25",
        "next: keraunos tensorboard f",
    ]


def test_path_that_is_not_a_run_exits_with_code_2(keraunos, tmp_path):
    for place in (".", "nowhere"):
        answer = keraunos("show", place)
        assert answer.code == 2
        assert "RUN must be a run directory" in answer.err


def test_best_epoch_is_that_of_the_exported_checkpoint(keraunos, run, tmp_path):
    """Its score is shown everywhere, even if another epoch has a better one."""
    checkpoint = tmp_path / run / "checkpoints" / "step-00000007"
    best = {"monitor": "loss", "scores": {checkpoint.name: 0.5}, "restore_best": True}
    state = {"epoch": 3, "callbacks": {"model_checkpoint": best}}
    write_bundle(checkpoint, Bundle(documents={"state": state}))
    write_checked_text(checkpoint.parent / "best.txt", checkpoint.name)
    shown = keraunos("show", run).out
    assert "best epoch: 3, loss 0.5, val_balanced_accuracy 0.7 (exported)\n" in shown
    assert "balanced accuracy 0.7 " in keraunos("runs").out
    assert "best epoch: val_balanced_accuracy 0.7 " in keraunos("compare", run).out
