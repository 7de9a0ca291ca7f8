"""Checks all files of a small quickstart run, made in its own process."""

import csv
import json
import math

import numpy as np
import pytest
import tensorflow as tf
from keraunos.configs import load_config
from keraunos.core.files import sha256_of_file
from keraunos.data.synthetic.lesions import KINDS
from PIL import Image
from sklearn import metrics

FILES = {
    ".checksums",
    ".lock",
    "augmented.png",
    "checkpoints",
    "classes.txt",
    "config.yaml",
    "confusion_matrix.csv",
    "confusion_matrix.png",
    "curves.png",
    "dropped.csv",
    "environment.json",
    "events.jsonl",
    "metrics.jsonl",
    "mistakes.png",
    "model.keras",
    "predictions.csv",
    "samples.png",
    "split.csv",
    "tensorboard",
    "test.json",
}

pytestmark = pytest.mark.slow


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def scores(finished_run):
    return json.loads((finished_run / "test.json").read_text())


@pytest.fixture(scope="module")
def predictions(finished_run):
    """Labels and probabilities, read back from predictions.csv."""
    table = rows(finished_run / "predictions.csv")
    names = list(KINDS)
    labels = np.array([names.index(row["label"]) for row in table])
    probabilities = [[float(row[f"probability:{name}"]) for name in names] for row in table]
    return labels, np.array(probabilities)


def test_run_directory_contains_exactly_the_documented_files(finished_run):
    assert {path.name for path in finished_run.iterdir()} == FILES
    assert {path.name for path in finished_run.parent.iterdir()} == {finished_run.name}


def test_output_compares_test_with_validation_scores(finished_run):
    said = (finished_run.parents[1] / "stdout.txt").read_text()
    assert said.index("test: 12 images") < said.index("12 test images and")
    assert "on 9 validation images; the difference is" in said


def test_first_lines_describe_devices_data_steps_and_model(finished_run):
    said = (finished_run.parents[1] / "stderr.txt").read_text().splitlines()
    remarks = [n for n, line in enumerate(said) if n > 2 and line.startswith("data: ")]
    assert "no test images of actinic keratosis" in "".join(said[n] for n in remarks)
    lines = [line for n, line in enumerate(said) if n not in remarks]
    starts = ["keraunos", "devices", "data", "steps", "model", "features", "run directory"]
    for line, start in zip(lines, starts, strict=False):
        assert line.startswith(start)
    assert "MirroredStrategy, 2 replicas), batch 7 = 4 on each" in lines[1]
    assert "34 train, 9 validation, 12 test images in 9 classes" in lines[2]
    assert "5 per epoch, at most 2 epochs" in lines[3]
    assert "5,193 trainable" in lines[4]
    assert str(finished_run) in lines[6]


def test_last_lines_show_the_score_and_commands_to_type_next(finished_run, scores):
    out = (finished_run.parents[1] / "stdout.txt").read_text()
    assert f"test: 12 images, accuracy {scores['accuracy']:.3f}" in out
    assert out.splitlines()[-3:] == [
        "view it with: keraunos tensorboard runs/quickstart-001",
        "predict with: keraunos predict runs/quickstart-001 IMAGE_OR_FOLDER",
        "next: keraunos report runs/quickstart-001",
    ]


def test_saved_configuration_equals_the_requested_one(finished_run, lesions):
    config = load_config([str(finished_run / "config.yaml")])
    data = (f"data.train={lesions}", "data.image_size=32", "data.batch_size=7")
    trainer = ("trainer.cpu_devices=4", "trainer.devices=2", "trainer.max_epochs=2")
    asked = load_config(
        ["quickstart"], [*data, "model.backbone=MobileNetV3Small", *trainer]
    )
    assert config == asked


def test_environment_file_lists_versions_and_devices(finished_run):
    environment = json.loads((finished_run / "environment.json").read_text())
    assert environment["versions"]["tensorflow"] == tf.__version__
    assert environment["replicas"] == 2
    assert len(environment["devices"]) == 2


def test_split_file_lists_every_image_with_its_checksum(finished_run, lesions):
    table = rows(finished_run / "split.csv")
    assert {row["path"] for row in table} == {str(p) for p in lesions.rglob("*.png")}
    assert all(row["sha256"] == sha256_of_file(row["path"]) for row in table)
    assert all(row["path"].split("/")[-2] == row["class"] for row in table)
    test = {row["path"] for row in table if row["split"] == "test"}
    assert test == {str(path) for path in (lesions / "test").rglob("*.png")}
    assert rows(finished_run / "dropped.csv") == []


def test_metrics_file_has_a_line_of_finite_values_per_epoch(finished_run):
    lines = [
        json.loads(x) for x in (finished_run / "metrics.jsonl").read_text().splitlines()
    ]
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 5), (2, 10)]
    wanted = {"loss", "accuracy", "balanced_accuracy"}
    wanted |= {f"val_{name}" for name in wanted}
    wanted |= {"learning_rate", "gradient_norm"}
    wanted |= {"images_per_second", "data_wait_seconds", "seconds"}
    for line in lines:
        assert set(line) == wanted | {"epoch", "step"}
        assert all(math.isfinite(value) for value in line.values())


def test_kept_checkpoints_are_the_best_and_the_last(finished_run):
    folder = finished_run / "checkpoints"
    named = {(folder / name).read_text().strip() for name in ("best.txt", "last.txt")}
    kept = {path.name for path in folder.glob("step-*")}
    assert "step-00000010" in kept
    assert named <= kept <= named | {"step-00000005"}
    others = {".checksums", "best.txt", "last.txt", "frozen"}
    assert kept | others == {p.name for p in folder.iterdir()}


def test_classes_are_listed_in_output_order(finished_run):
    assert (finished_run / "classes.txt").read_text().splitlines() == list(KINDS)


@pytest.mark.parametrize(
    "name", ["samples", "augmented", "curves", "confusion_matrix", "mistakes"]
)
def test_figures_are_png_files_with_content(finished_run, name):
    with Image.open(finished_run / f"{name}.png") as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB"))
    assert min(pixels.shape[:2]) > 200
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50


def test_tensorboard_contains_scalars_and_images(finished_run):
    train = summaries(finished_run / "tensorboard" / "train")
    validation = summaries(finished_run / "tensorboard" / "validation")
    both = {("loss", 5), ("loss", 10), ("accuracy", 10), ("balanced_accuracy", 10)}
    assert both <= train
    assert both <= validation
    assert {("learning_rate", 10), ("samples", 0), ("augmented", 0)} <= train
    assert {("gradient_norm", 10), ("memory_gib/process", 10)} <= train
    assert {("confusion_matrix", 10), ("mistakes", 10)} <= validation


def test_scores_match_scikit_learn_on_the_predictions(scores, predictions):
    labels, probabilities = predictions
    predicted = probabilities.argmax(axis=1)
    present = sorted(set(labels))
    common = {"labels": present, "average": "macro", "zero_division": 0}
    areas = [
        metrics.roc_auc_score(labels == place, probabilities[:, place]) for place in present
    ]
    assert scores["examples"] == len(labels) == 12
    assert scores["accuracy"] == metrics.accuracy_score(labels, predicted)
    recall = metrics.recall_score(labels, predicted, **common)
    assert scores["balanced_accuracy"] == pytest.approx(recall)
    f1 = metrics.f1_score(labels, predicted, **common)
    assert scores["macro_f1"] == pytest.approx(f1)
    assert scores["macro_roc_auc"] == pytest.approx(np.mean(areas))


@pytest.mark.feature("classification scores")
def test_per_class_scores_match_scikit_learn_on_the_predictions(scores, predictions):
    labels, probabilities = predictions
    predicted = probabilities.argmax(axis=1)
    assert list(scores["per_class"]) == list(KINDS)
    for place, values in enumerate(scores["per_class"].values()):
        truth, said = labels == place, predicted == place
        assert values["support"] == truth.sum()
        precision = metrics.precision_score(truth, said, zero_division=0)
        assert values["precision"] == pytest.approx(precision)
        if not truth.any():
            assert (values["recall"], values["f1"], values["roc_auc"]) == (None,) * 3
            continue
        assert values["recall"] == pytest.approx(metrics.recall_score(truth, said))
        assert values["f1"] == pytest.approx(metrics.f1_score(truth, said))
        area = metrics.roc_auc_score(truth, probabilities[:, place])
        assert values["roc_auc"] == pytest.approx(area)


def test_confusion_matrix_matches_scikit_learn_on_the_predictions(
    scores, predictions, finished_run
):
    labels, probabilities = predictions
    matrix = metrics.confusion_matrix(labels, probabilities.argmax(axis=1), labels=range(9))
    assert scores["confusion_matrix"] == matrix.tolist()
    table = rows(finished_run / "confusion_matrix.csv")
    written = [[int(row[name]) for name in KINDS] for row in table]
    assert written == matrix.tolist()
    absent = {name for name, row in zip(KINDS, matrix, strict=True) if not row.any()}
    assert set(scores["classes_without_examples"]) == absent != set()


@pytest.mark.feature("predictions to a file")
def test_predictions_file_has_probabilities_for_every_test_image(
    finished_run, lesions, predictions
):
    table = rows(finished_run / "predictions.csv")
    files = [row["file"] for row in table]
    assert sorted(files) == sorted(map(str, (lesions / "test").rglob("*.png")))
    assert all(
        file.split("/")[-2] == row["label"] for file, row in zip(files, table, strict=True)
    )
    _, probabilities = predictions
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert len(np.unique(probabilities, axis=0)) == len(files)
    places = [list(KINDS).index(row["prediction"]) for row in table]
    assert places == probabilities.argmax(axis=1).tolist()


def summaries(folder) -> set[tuple[str, int]]:
    """Name and step of everything in the event files of a folder."""
    found = set()
    for file in folder.glob("events*"):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found |= {(value.tag, event.step) for value in event.summary.value}
    return found
