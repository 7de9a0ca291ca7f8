"""The numbers of a report, recomputed by torchmetrics from its table of predictions."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keraunos.evaluation import write_predictions
from keraunos.evaluation.calibration.calibration import Calibration
from keraunos.evaluation.decisions.operating_points import OperatingPoints
from keraunos.evaluation.evidence import Evidence
from simulated import simulated

BINS = 15
pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return Evidence(
        simulated(701, sharpness=2, seed=5), simulated(803, sharpness=2, seed=6)
    )


@pytest.fixture(scope="module")
def table(evidence: Evidence, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """Labels and probabilities, read back from predictions.csv as tensors."""
    torch = pytest.importorskip("torch")
    path = tmp_path_factory.mktemp("run") / "predictions.csv"
    write_predictions(Path(path), evidence.test.predictions())
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = list(evidence.class_names)
    labels = torch.tensor([names.index(row["label"]) for row in rows])
    values = [[float(row[f"probability:{name}"]) for name in names] for row in rows]
    return torch.tensor(np.array(values), dtype=torch.float64), labels


def test_scores_equal_torchmetrics(evidence: Evidence, table: tuple[Any, Any]) -> None:
    metrics = pytest.importorskip("torchmetrics.functional.classification")
    count = len(evidence.class_names)
    scores = evidence.test.predictions().scores()
    for name, function, average in (
        ("accuracy", metrics.multiclass_accuracy, "micro"),
        ("balanced_accuracy", metrics.multiclass_recall, "macro"),
        ("macro_f1", metrics.multiclass_f1_score, "macro"),
        ("macro_roc_auc", metrics.multiclass_auroc, "macro"),
    ):
        theirs = float(function(*table, num_classes=count, average=average))
        assert scores[name] == pytest.approx(theirs, abs=1e-6), name
    matrix = metrics.multiclass_confusion_matrix(*table, num_classes=count)
    assert scores["confusion_matrix"] == matrix.tolist()


def test_calibration_errors_equal_torchmetrics(
    evidence: Evidence, table: tuple[Any, Any]
) -> None:
    metrics = pytest.importorskip("torchmetrics.functional.classification")
    ours = Calibration(bins=BINS).evaluate(evidence).values["before"]
    for name, norm in (("ece", "l1"), ("mce", "max")):
        theirs = metrics.multiclass_calibration_error(
            *table, num_classes=len(evidence.class_names), n_bins=BINS, norm=norm
        )
        assert ours[name] == pytest.approx(float(theirs), abs=1e-6), name


def test_areas_under_curves_equal_torchmetrics(
    evidence: Evidence, table: tuple[Any, Any]
) -> None:
    metrics = pytest.importorskip("torchmetrics.functional.classification")
    values = OperatingPoints().evaluate(evidence).values
    probabilities, labels = table
    for place, name in enumerate(evidence.class_names):
        one_against_all = probabilities[:, place], (labels == place).int()
        for key, function in (
            ("roc_auc", metrics.binary_auroc),
            ("average_precision", metrics.binary_average_precision),
        ):
            theirs = float(function(*one_against_all))
            assert values[name][key] == pytest.approx(theirs, abs=1e-6), (name, key)
