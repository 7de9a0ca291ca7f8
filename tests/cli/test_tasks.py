"""Multi-label and regression tasks, from a table to predictions of single images."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

COUNT, SIZE = 47, 32
pytestmark = pytest.mark.usefixtures("tiny_mobilenet")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images labeled as red and dark, with their brightness in two units."""
    folder = tmp_path_factory.mktemp("shades")
    random = np.random.default_rng(0)
    lines = ["image,red,dark,brightness,thousands,patient"]
    for number in range(COUNT):
        is_red, is_dark = random.random(2) < [0.5, 0.4]
        pixels = random.integers(60, 90 if is_dark else 200, (SIZE, SIZE, 3))
        pixels[..., 0] += 50 * is_red
        Image.fromarray(pixels.astype("uint8")).save(folder / f"image{number:02d}.png")
        mean = pixels.mean()
        row = (is_red * 1, is_dark * 1, f"{mean:.3f}", f"{mean / 1000:.6f}", number // 2)
        lines.append(",".join(map(str, (f"image{number:02d}", *row))))
    (folder / "table.csv").write_text("\n".join(lines))
    return folder / "table.csv"


def settings_of(table: Path, *more: str) -> list[str]:
    return [
        "classify",
        f"data.train={table}",
        "data.group_column=patient",
        "data.test_split=0.3",
        f"data.image_size={SIZE}",
        "data.batch_size=7",
        "model={backbone: MobileNetV2, weights: null, standardize_features: true}",
        "augmentation.strength=0",
        "optimizer.learning_rate=0.05",
        "trainer.devices=1",
        "callbacks.tensorboard=null",
        *more,
    ]


@pytest.mark.slow
def test_multi_label_task_is_trained_tested_and_predicted(
    keraunos: Any, table: Path
) -> None:
    settings = settings_of(
        table, "task=multi_label", "data.label_columns=[red,dark]", "trainer.max_epochs=12"
    )
    answer = keraunos("fit", *settings, "run_dir=run")
    assert answer.code == 0, answer.err
    assert "images with labels from 2" in answer.err
    assert "features: computed once" in answer.err
    scores = json.loads(Path("run/test.json").read_text())
    assert scores["mean_average_precision"] > 0.9
    assert set(scores["per_label"]) == {"red", "dark"}
    assert all(0 < each["threshold"] < 1 for each in scores["per_label"].values())
    assert "mean average precision" in answer.out
    last = json.loads(Path("run/metrics.jsonl").read_text().splitlines()[-1])
    assert {"val_macro_f1", "val_mean_average_precision"} <= last.keys()
    image = table.with_name("image03.png")
    answer = keraunos("predict", "run", image, "--output", "found.csv")
    assert answer.code == 0, answer.err
    (row,) = csv.DictReader(Path("found.csv").read_text().splitlines())
    thresholds = {name: each["threshold"] for name, each in scores["per_label"].items()}
    given = [n for n in ("red", "dark") if float(row[f"probability:{n}"]) >= thresholds[n]]
    assert row["prediction"] == "|".join(given)
    answer = keraunos("report", "run")
    assert answer.code == 0, answer.err
    measured = json.loads(Path("run/evaluation.json").read_text())["labels"]["values"]
    rows = list(csv.DictReader(Path("run/predictions.csv").read_text().splitlines()))
    for name, values in measured["per_label"].items():
        truth = [name in row["labels"].split("|") for row in rows]
        given = [name in row["prediction"].split("|") for row in rows]
        ranks = [float(row[f"probability:{name}"]) for row in rows]
        assert values["average_precision"] == pytest.approx(
            metrics.average_precision_score(truth, ranks)
        )
        assert values["f1"] == pytest.approx(metrics.f1_score(truth, given))
    assert "Labels that occur together" in Path("run/report.html").read_text()
    again = keraunos("fit", *settings, "run_dir=run")
    assert "is finished" in again.err or again.code == 0


@pytest.mark.nightly
def test_regression_task_is_trained_tested_and_predicted(
    keraunos: Any, table: Path
) -> None:
    answer = keraunos(
        "fit",
        *settings_of(table, "task=regression", "data.label_columns=[brightness,thousands]"),
        "trainer.max_epochs=12",
        "run_dir=run",
    )
    assert answer.code == 0, answer.err
    scores = json.loads(Path("run/test.json").read_text())
    assert scores["r2"] > 0.5  # over both targets, whose scales differ by 1,000
    assert scores["per_target"]["thousands"]["r2"] > 0.5
    assert Path("run/scatter.png").stat().st_size > 1000
    image = table.with_name("image03.png")
    answer = keraunos("predict", "run", image, "--output", "found.jsonl")
    assert answer.code == 0, answer.err
    found = json.loads(Path("found.jsonl").read_text())
    low, high = found["intervals"]["brightness"]
    assert low < found["values"]["brightness"] < high
    width = scores["per_target"]["brightness"]["interval_half_width"]
    assert high - low == pytest.approx(2 * width, rel=1e-5)
    answer = keraunos("report", "run")
    assert answer.code == 0, answer.err
    measured = json.loads(Path("run/evaluation.json").read_text())["numbers"]["values"]
    rows = list(csv.DictReader(Path("run/predictions.csv").read_text().splitlines()))
    for name, values in measured["per_target"].items():
        truth, found = (
            [float(row[f"{which}:{name}"]) for row in rows]
            for which in ("target", "prediction")
        )
        assert values["r2"] == pytest.approx(metrics.r2_score(truth, found), rel=1e-4)
        error = metrics.mean_absolute_error(truth, found)
        assert values["mean_absolute_error"] == pytest.approx(error, rel=1e-4)
    assert "The largest errors" in Path("run/report.html").read_text()
    assert "numbers in classes.txt" in Path("run/model_card.md").read_text()


@pytest.mark.nightly
def test_multi_label_folds_are_summarized_and_their_mean_is_scored(
    keraunos: Any, table: Path
) -> None:
    settings = settings_of(
        table, "task=multi_label", "data.label_columns=[red,dark]", "trainer.max_epochs=1"
    )
    answer = keraunos("fit", *settings, "data.folds=2", "run_dir=run")
    assert answer.code == 0, answer.err
    summary = json.loads(Path("run/folds.json").read_text())["validation"]
    assert len(summary["mean_average_precision"]["values"]) == 2
    assert "confusion_matrix" not in summary
    answer = keraunos("test", "run")
    assert answer.code == 0, answer.err
    assert "mean of 2 models" in answer.out
    whole, *folds = (
        list(csv.DictReader(Path(file).read_text().splitlines()))
        for file in (
            "run/ensemble_predictions.csv",
            "run/fold-1/predictions.csv",
            "run/fold-2/predictions.csv",
        )
    )
    for row, *each in zip(whole, *folds, strict=True):
        assert row["file"] == each[0]["file"] == each[1]["file"]
        mean = np.mean([float(one["probability:red"]) for one in each])
        assert float(row["probability:red"]) == pytest.approx(mean, abs=1e-4)
    scores = json.loads(Path("run/ensemble.json").read_text())["ensemble"]
    assert scores["per_label"]["red"]["threshold"] == 0.5
    answer = keraunos("test", "run", "--tta", "2")
    assert answer.code == 2
    assert "strength above 0" in answer.err
    answer = keraunos("report", "run")
    assert answer.code == 0, answer.err
    assert "Side by side" in Path("run/report.html").read_text()


@pytest.mark.nightly
def test_ensemble_sharing_a_validation_split_has_its_own_intervals(
    keraunos: Any, table: Path
) -> None:
    """Intervals are fitted to the outputs of the ensemble, not to those of a member."""
    settings = settings_of(
        table, "task=regression", "data.label_column=brightness", "trainer.max_epochs=2"
    )
    views = ("augmentation.strength=0.5", "evaluation.tta=3")
    for run, seed in (("one", 1), ("two", 2)):
        split = () if run == "one" else ("data.split=one/split.csv",)
        answer = keraunos(
            "fit", *settings, *views, *split, f"seed={seed}", f"run_dir={run}"
        )
        assert answer.code == 0, answer.err
        assert "3 views" in answer.out
        scores = json.loads(Path(run, "test.json").read_text())
        assert scores["tta"]["views"] == 3
        assert scores["tta"]["r2"] != scores["r2"]
        assert Path(run, "tta_predictions.csv").exists()
    answer = keraunos("test", "one", "two", "--output", "both")
    assert answer.code == 0, answer.err
    assert "ensemble, 3 views" in answer.out
    kept = json.loads(Path("both/ensemble.json").read_text())
    width = kept["ensemble"]["per_target"]["brightness"]["interval_half_width"]
    alone = [
        kept["members"][run]["per_target"]["brightness"]["interval_half_width"]
        for run in ("one", "two")
    ]
    assert width is not None
    assert width not in alone
    own = json.loads(Path("one/test.json").read_text())["per_target"]["brightness"]
    assert alone[0] == pytest.approx(own["interval_half_width"], rel=1e-4)
    assert kept["ensemble"]["tta"]["per_target"]["brightness"]["interval_half_width"]
    answer = keraunos("report", "one")
    assert answer.code == 0, answer.err
    assert "mean of 3 views" in Path("one/report.html").read_text()


@pytest.mark.nightly
def test_multi_label_folds_are_scored_as_an_ensemble_after_training(
    keraunos: Any, table: Path
) -> None:
    settings = settings_of(
        table, "task=multi_label", "data.label_columns=[red,dark]", "trainer.max_epochs=1"
    )
    asked = ("evaluation.ensemble=true", "evaluation.tta=2", "augmentation.strength=0.5")
    answer = keraunos("fit", *settings, *asked, "data.folds=2", "run_dir=run")
    assert answer.code == 0, answer.err
    scores = json.loads(Path("run/ensemble.json").read_text())["ensemble"]
    assert scores["per_label"]["red"]["threshold"] == 0.5  # no split is held out by both
    assert scores["tta"]["views"] == 2
    assert Path("run/ensemble_tta_predictions.csv").exists()


FOCAL = "model.focal_gamma: {float: [1.0, 4.0], when: {model.loss: focal}}"
SEARCHES = {
    "val_mean_average_precision": (  # by default
        "task=multi_label",
        "data.label_columns=[red,dark]",
        f"search.space={{model.loss: {{choice: [crossentropy, focal]}}, {FOCAL}}}",
    ),
    "val_r2": (
        "task=regression",
        "data.label_column=brightness",
        "search.objective=val_r2",
        "search.space={model.loss: {choice: [mean_squared_error, huber]}}",
    ),
    "val_balanced_accuracy": (
        "data.label_column=red",
        "search.space={model.loss: {choice: [focal, class_balanced, logit_adjusted]}, "
        f"{FOCAL}, model.class_balanced_beta: {{float: [0.9, 0.999], "
        "when: {model.loss: class_balanced}}}",
    ),
}


@pytest.mark.nightly
@pytest.mark.parametrize("objective", SEARCHES)
def test_search_uses_the_metrics_and_losses_of_its_task(
    keraunos: Any, table: Path, objective: str
) -> None:
    own = ("trainer.max_epochs=1", "search.max_trials=4", "search.tuner=random")
    answer = keraunos(
        "search", *settings_of(table, *own), *SEARCHES[objective], "run_dir=search"
    )
    assert answer.code == 0, answer.err
    assert f"objective: {objective}, larger is better" in answer.err
    trials = list(csv.DictReader(Path("search/results.csv").read_text().splitlines()))
    assert {row["status"] for row in trials} == {"completed"}
    losses = [json.loads(row["model.loss"]) for row in trials]  # choices are JSON
    assert len({*losses}) > 1
    for name, loss in (("focal_gamma", "focal"), ("class_balanced_beta", "class_balanced")):
        if f"model.{name}" in trials[0]:
            assert [row[f"model.{name}"] != "" for row in trials] == [
                each == loss for each in losses
            ]
    for row in trials:
        file = Path("search", f"trial-{int(row['trial']):03d}", "metrics.jsonl")
        last = json.loads(file.read_text().splitlines()[-1])
        assert float(row[objective]) == pytest.approx(last[objective], abs=1e-4)
