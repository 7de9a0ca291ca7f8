"""Cross-validation from the command line: each image is validated once."""

import csv
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import make_images

CONFIG = """
data: {{train: {train}, test: {test}, image_size: 32, batch_size: 7, folds: 3}}
model: {{builder: 'own:build_model', arguments: {{classes: 3}}}}
trainer: {{devices: 1, max_epochs: 2}}
callbacks: {{tensorboard: null, figures: null, {more}}}
"""
STOPPER = """
import os, signal
import keraunos.callbacks

class Stop(keraunos.callbacks.Callback):
    def on_train_step_end(self, run):
        if "fold-2" in str(run.run_dir) and run.step == 3 and os.environ.get("STOP"):
            os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.fixture(scope="module")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders train, with 30 images of which two are copies, and test."""
    folder = tmp_path_factory.mktemp("images")
    train = make_images(folder / "train", {"cat": 13, "dog": 10, "emu": 6})
    twin = train / "cat" / "twin.png"
    twin.write_bytes((train / "cat" / "cat-000.png").read_bytes())
    make_images(folder / "test", {"cat": 3, "dog": 2, "emu": 2}, seed=1)
    return folder


@pytest.fixture
def folds(small: list[str], image_folder: Path, tmp_path: Path) -> Path:
    """Writes own.yaml with three folds; returns the directory of its first run."""
    train, test = image_folder / "train", image_folder / "test"
    own = (tmp_path / "own.py").read_text()
    (tmp_path / "own.py").write_text(own + STOPPER)
    config = CONFIG.format(train=train, test=test, more="stop: {class: 'own:Stop'}")
    (tmp_path / "own.yaml").write_text(config)
    return tmp_path / "runs" / "own-001"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that keeps the run of all folds and its output between tests."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def whole(keraunos: Any, folds: Path, kept: Path) -> Path:
    """A copy of a finished run of all folds."""
    if not (kept / "out.txt").exists():
        answer = keraunos("fit", "own.yaml")
        assert answer.code == 0, answer.err
        folds.rename(kept / "run")
        (kept / "out.txt").write_text(answer.out)
    shutil.copytree(kept / "run", folds)
    return folds


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def validated(run: Path) -> list[set[str]]:
    """The validation images of each fold."""
    return [
        {r["path"] for r in rows(run / f"fold-{n}/split.csv") if r["split"] == "validation"}
        for n in (1, 2, 3)
    ]


@pytest.mark.slow
def test_folds_share_one_directory_and_are_summarized(whole, kept) -> None:
    parts = validated(whole)
    assert sum(map(len, parts)) == len(set.union(*parts)) == 30
    twins = [part for part in parts if any("twin" in path for path in part)]
    assert len(twins) == 1
    assert any(path.endswith("cat-000.png") for path in twins[0])
    summary = json.loads((whole / "folds.json").read_text())
    assert np.sum(summary["validation"]["confusion_matrix"]) == 30
    scores = [
        json.loads((whole / f"fold-{n}/validation.json").read_text()) for n in (1, 2, 3)
    ]
    values = [each["accuracy"] for each in scores]
    assert summary["validation"]["accuracy"]["values"] == values
    assert summary["validation"]["accuracy"]["mean"] == pytest.approx(np.mean(values))
    assert len(summary["test"]["accuracy"]["values"]) == 3
    table = rows(whole / "folds.csv")
    assert [float(row["validation_accuracy"]) for row in table] == pytest.approx(values)
    matrix = (whole / "confusion_matrix.csv").read_text().splitlines()
    assert sum(int(n) for line in matrix[1:] for n in line.split(",")[1:]) == 30
    assert (whole / "confusion_matrix.png").stat().st_size > 1000
    said = (kept / "out.txt").read_text()
    assert "validation, 3 folds:" in said
    doubts = rows(whole / "label_doubts.csv")
    assert sorted(row["file"] for row in doubts) == sorted(set.union(*parts))
    assert all(Path(row["file"]).parent.name == row["label"] for row in doubts)
    assert "of 30 labels are in doubt" in said
    assert f"run directory: {Path('runs') / whole.name}" in said


@pytest.mark.nightly
def test_interrupted_fold_resumes_and_finished_folds_are_untouched(
    keraunos, folds, whole, monkeypatch, tmp_path
) -> None:
    finished = whole.rename(tmp_path / "finished")
    monkeypatch.setenv("STOP", "1")
    answer = keraunos("fit", "own.yaml")
    assert answer.code == 128 + signal.SIGTERM
    assert "run_dir=runs/own-001" in answer.err
    assert not (folds / "fold-2" / "validation.json").exists()
    assert not (folds / "fold-3").exists()
    before = os.stat(folds / "fold-1" / "metrics.jsonl").st_mtime_ns
    monkeypatch.delenv("STOP")
    answer = keraunos("fit", "own.yaml", "run_dir=runs/own-001")
    assert answer.code == 0, answer.err
    assert "fold 1 of 3" not in answer.err
    assert os.stat(folds / "fold-1" / "metrics.jsonl").st_mtime_ns == before
    expected = json.loads((finished / "folds.json").read_text())
    assert json.loads((folds / "folds.json").read_text()) == expected


@pytest.mark.slow
def test_changed_settings_are_rejected_once_folds_are_finished(keraunos, whole) -> None:
    before = (whole / "folds.json").read_bytes()
    answer = keraunos("fit", "own.yaml", "run_dir=runs/own-001", "data.batch_size=5")
    assert answer.code == 2
    assert "  - data.batch_size: 7\n  + data.batch_size: 5\n" in answer.err
    assert (whole / "folds.json").read_bytes() == before


@pytest.mark.slow
def test_one_fold_is_an_ordinary_run(keraunos, whole) -> None:
    assert keraunos("fit", "own.yaml", "data.fold=2", "run_dir=one").code == 0
    split = rows(Path("one/split.csv"))
    held = {row["path"] for row in split if row["split"] == "validation"}
    assert 0 < len(held) < 30
    assert not Path("one/fold-1").exists()
    assert held == validated(whole)[1]


@pytest.mark.slow
def test_folds_are_tested_as_an_ensemble_on_request(keraunos, whole) -> None:
    assert not (whole / "ensemble.json").exists()
    asked = ("evaluation.ensemble=true", "evaluation.tta=2", "run_dir=runs/own-001")
    answer = keraunos("fit", "own.yaml", *asked)
    assert answer.code == 0, answer.err
    scores = json.loads((whole / "ensemble.json").read_text())
    assert (scores["split"], scores["ensemble"]["examples"]) == ("test", 7)
    assert list(scores["members"]) == ["fold-1", "fold-2", "fold-3"]
    assert scores["ensemble"]["tta"]["views"] == 2
    assert "test, mean of 3 models" in answer.out


@pytest.mark.slow
def test_dry_run_and_fast_dev_run_of_folds_write_nothing(keraunos, folds) -> None:
    assert keraunos("fit", "own.yaml", "--dry-run").code == 0
    assert keraunos("fit", "own.yaml", "trainer.fast_dev_run=true").code == 0
    assert not Path("runs").exists()


def test_nonexistent_fold_exits_with_code_2(keraunos, folds) -> None:
    answer = keraunos("fit", "own.yaml", "data.fold=4")
    assert answer.code == 2
    assert "`data.fold` must be 1 to 3" in answer.err
