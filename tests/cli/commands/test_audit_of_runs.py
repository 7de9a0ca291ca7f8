"""`keraunos audit RUN`: the images of a run, and labels its models find doubtful."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import contents, smooth_image
from keraunos.cli.out_of_fold import write_held_out
from keraunos.evaluation.label_doubts import judge_labels
from keraunos.evaluation.predictions import Predictions

CLASSES = ("cat", "dog")


@pytest.fixture
def folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folds of 12 images; `dog/9.png` is predicted to be a cat."""
    for number in range(12):
        folder = tmp_path / "shelf" / CLASSES[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        smooth_image(number).save(folder / f"{number}.png")
    monkeypatch.setenv("KERAUNOS_CACHE_DIR", str(tmp_path / "cache"))
    run = tmp_path / "runs" / "own-001"
    run.mkdir(parents=True)
    text = f"data: {{train: {tmp_path / 'shelf'}, folds: 2}}\n"
    (run / "config.yaml").write_text(text)
    (run / "environment.json").write_text("{}")
    for fold in (1, 2):
        write_fold(run, fold, judged=range(6 * (fold - 1), 6 * fold))
    return run


def write_fold(run: Path, fold: int, judged: Any) -> None:
    """Fold 1 holds out the first six images, fold 2 the others."""
    directory = run / f"fold-{fold}"
    directory.mkdir(exist_ok=True)
    shelf = run.parent.parent / "shelf"
    names = [str(shelf / CLASSES[n % 2] / f"{n}.png") for n in range(12)]
    with (directory / "split.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "split"])
        for n, name in enumerate(names):
            held_out = (n < 6) == (fold == 1)
            writer.writerow([name, "validation" if held_out else "train"])
    rows = list(judged)
    dog = np.array([0.05 if n == 9 else 0.2 + 0.6 * (n % 2) for n in rows], np.float32)
    labels = np.array([n % 2 for n in rows], np.int32)
    likely = np.stack([1 - dog, dog], axis=1)
    write_held_out(
        directory, Predictions([names[n] for n in rows], likely, CLASSES, labels)
    )


def test_doubtful_labels_are_listed_and_do_not_fail_the_audit(keraunos, folds):
    before = contents(folds)
    answer = keraunos("audit", folds)
    assert answer.code == 0
    assert "12 image files" in answer.out
    assert "• 1 of 12 labels are in doubt, by 2 models, each for images" in answer.out
    shelf = folds.parent.parent / "shelf"
    assert f"  {shelf}/dog/9.png: dog (5.0%), or cat (95.0%)\n" in answer.out
    assert contents(folds) == before


def test_json_and_html_files_contain_doubtful_labels_and_copies(keraunos, folds, tmp_path):
    shelf = tmp_path / "shelf"
    shutil.copy(shelf / "cat/0.png", shelf / "dog/x.png")
    answer = keraunos("audit", folds, "--json", "a.json", "--html", "a.html")
    assert answer.code == 3
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["conflicts"]["exact"] == [[f"{shelf}/cat/0.png", f"{shelf}/dog/x.png"]]
    (doubt,) = found["labels_judged"]["in_doubt"]
    assert doubt["file"] == f"{shelf}/dog/9.png"
    assert (doubt["label"], doubt["suggestion"]) == ("dog", "cat")
    page = (tmp_path / "a.html").read_text()
    assert page.count("<figure>") == 3
    assert 'href="#doubts"' in page
    assert 'id="doubts"' in page


def test_fold_predictions_on_its_training_images_are_not_used(keraunos, folds):
    write_fold(folds, 2, judged=range(4, 12))
    answer = keraunos("audit", folds)
    assert answer.code == 0
    assert "labels in doubt: not measured: validation_predictions.csv" in answer.out
    assert "or cat" not in answer.out


def test_single_fold_checks_only_its_validation_labels(keraunos, folds):
    text = (folds / "config.yaml").read_text().replace("folds: 2", "folds: 2, fold: 2")
    (folds / "fold-2" / "config.yaml").write_text(text)
    answer = keraunos("audit", folds / "fold-2")
    assert "1 of 6 labels are in doubt, by a model, for its validation images" in answer.out


def test_moved_files_are_counted(keraunos, folds, tmp_path):
    (tmp_path / "shelf/dog/9.png").rename(tmp_path / "shelf/cat/9.png")
    answer = keraunos("audit", folds, "--html", "a.html")
    assert "1 file in doubt moved or deleted since they were judged" in answer.out
    assert "can no longer be shown" in (tmp_path / "a.html").read_text()


def test_run_without_a_model_is_audited_without_a_label_check(keraunos, folds):
    (folds / "config.yaml").write_text(
        f"data: {{train: {folds.parent.parent / 'shelf'}}}\n"
    )
    answer = keraunos("audit", folds)
    assert answer.code == 0
    assert "labels in doubt: not measured: The run must be finished." in answer.out


@pytest.mark.parametrize(
    "options",
    [
        ["--layout", "classes"],
        ["--find-images-by", "content"],
        ["--max-megapixels", "5"],
    ],
)
def test_options_determined_by_the_run_configuration_are_rejected(keraunos, folds, options):
    answer = keraunos("audit", folds, *options)
    assert answer.code == 2
    assert f"The configuration of a run determines {options[0]}." in answer.err


def test_run_cannot_be_audited_together_with_other_folders(keraunos, folds, tmp_path):
    answer = keraunos("audit", folds, tmp_path / "shelf")
    assert answer.code == 2
    assert "A run must be audited alone" in answer.err


def test_image_folder_containing_a_config_yaml_is_not_a_run(keraunos, folds, tmp_path):
    (tmp_path / "shelf" / "config.yaml").write_text("nothing of ours")
    answer = keraunos("audit", tmp_path / "shelf")
    assert answer.code == 0
    assert "in doubt" not in answer.out


@pytest.mark.slow
def test_model_of_a_run_checks_its_validation_labels(keraunos, small_run, tmp_path):
    before = contents(small_run)
    answer = keraunos("audit", small_run, "--json", "a.json")
    found = json.loads((tmp_path / "a.json").read_text())["labels_judged"]
    with (small_run / "split.csv").open(newline="") as file:
        sides = {row["path"]: row["split"] for row in csv.DictReader(file)}
    held_out = {path for path, side in sides.items() if side == "validation"}
    assert found["images"] == len(held_out) == 9
    assert {each["file"] for each in found["in_doubt"]} <= held_out
    assert f"{len(found['in_doubt'])} of 9 labels are in doubt" in answer.out
    assert contents(small_run) == before


def test_judge_labels_returns_the_doubtful_files() -> None:
    likely = np.array([[0.9, 0.1], [0.1, 0.9], [0.95, 0.05]], np.float32)
    predictions = Predictions("abc", likely, CLASSES, np.array([0, 1, 1], np.int32))
    judged = judge_labels(predictions, "someone")
    assert [each.file for each in judged.in_doubt] == ["c"]
    assert judged.images == 3
