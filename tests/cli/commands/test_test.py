import json

import pytest
from helpers import contents


@pytest.mark.slow
@pytest.mark.feature("separate stages")
def test_testing_a_run_again_reproduces_its_scores(keraunos, run):
    scores = json.loads((run / "test.json").read_text())
    before = contents(run)
    answer = keraunos("test", run)
    assert answer.code == 0
    assert answer.out.startswith(f"test: 12 images, accuracy {scores['accuracy']:.3f}")
    values = json.loads((run / "evaluation.json").read_text())["validation_gap"]["values"]
    difference = values["scores"]["accuracy"]["difference"]
    assert "on 12 test images and" in answer.out
    assert f"on 9 validation images; the difference is {difference:.2f}" in answer.out
    after = contents(run)
    made = {"calibration.json", "evaluation.json", "validation_predictions.csv"}
    new = set(after) - set(before)
    assert {name for name in new if not name.startswith("tensorboard/evaluation")} <= made
    # Rounding may change the last digits of a probability.
    changed = {name for name in before if after[name] != before[name]}
    drawn = {".checksums", "predictions.csv", "test.json", "mistakes.png"}
    assert changed <= drawn | made
    again = json.loads((run / "test.json").read_text())
    assert again["confusion_matrix"] == scores["confusion_matrix"]


@pytest.mark.slow
def test_deleted_test_results_are_recreated(keraunos, small_run):
    before = contents(small_run)
    for name in ("test.json", "predictions.csv", "confusion_matrix.png"):
        (small_run / name).unlink()
    assert keraunos("test", small_run).code == 0
    assert set(contents(small_run)) >= set(before)


def test_validation_accuracy_equals_that_of_the_best_epoch(keraunos, run):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    best = min(map(json.loads, lines), key=lambda line: line["val_loss"])
    before = contents(run)
    answer = keraunos("test", run, "--split", "validation")
    assert answer.code == 0
    words = f"validation: 9 images, accuracy {best['val_accuracy']:.3f} ["
    assert answer.out.startswith(words)
    assert contents(run) == before


@pytest.mark.slow
def test_missing_test_split_exits_with_code_2(keraunos, small, lesions, tmp_path):
    settings = (f"data.train={lesions}/train", "run_dir=run", "trainer.max_epochs=1")
    assert keraunos("fit", *small, *settings).code == 0
    assert not (tmp_path / "run" / "test.json").exists()
    before = contents(tmp_path)
    answer = keraunos("test", "run")
    assert (answer.code, answer.out) == (2, "")
    assert "must have a test split" in answer.err
    assert contents(tmp_path) == before
