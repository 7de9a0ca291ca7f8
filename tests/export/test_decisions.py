"""Exports use the decision rules chosen by the evaluation."""

import json

import numpy as np
import pytest
from keraunos.core.errors import CheckpointError, ConfigError
from keraunos.evaluation.abstention.abstention import Abstention
from keraunos.evaluation.abstention.conformal import prediction_sets
from keraunos.evaluation.decisions.operating_points import OperatingPoints
from keraunos.evaluation.evidence import Evidence, as_labeled
from keraunos.evaluation.predictions import Predictions
from keraunos.export.decisions import read_decisions
from keraunos.export.description import Description
from keraunos.export.portable.answers import Answers, describe
from keraunos.export.portable.document import parse_document
from keraunos.report.run_files import write_findings

CLASSES = ("a", "b", "c")
GROUPS = {"rare": ["b", "c"]}


def split(seed, count=61):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    scores = rng.normal(size=(count, 3)) + 2 * np.eye(3)[labels]
    rows = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    names = [f"{n}.png" for n in range(count)]
    return as_labeled(Predictions(names, rows.astype(np.float32), CLASSES, labels))


@pytest.fixture(scope="module")
def evidence():
    return Evidence(split(1), split(2))


@pytest.fixture(scope="module")
def findings(evidence):
    aims = {"rare": {"sensitivity": 0.9}, "a": {"specificity": 0.8}}
    parts = {"abstention": Abstention(), "operating_points": OperatingPoints(aims, GROUPS)}
    return {name: part.evaluate(evidence) for name, part in parts.items()}


@pytest.fixture
def run(tmp_path, findings, evidence):
    (tmp_path / "model.keras").write_bytes(b"a model")
    write_findings(tmp_path, findings, evidence)
    return tmp_path


def test_exported_decisions_equal_those_of_the_evaluation(run, evidence, findings):
    decisions = json.loads(json.dumps(read_decisions(run, CLASSES)))
    document = parse_document(
        Description("run", CLASSES, 32, decisions=decisions).as_json()
    )
    rows = evidence.test.probabilities
    corrected = rows[:, ::-1]  # decisions use uncorrected ones
    described = describe(Answers(corrected, rows), document)

    per_class = findings["abstention"].values["sets"]["per_class"]
    thresholds = np.array([per_class[name]["threshold"] for name in CLASSES])
    wanted = [
        {name for name, is_in in zip(CLASSES, row, strict=True) if is_in}
        for row in prediction_sets(rows, thresholds)
    ]
    assert [set(row["prediction_set"]) for row in described] == wanted
    assert len(set(map(len, wanted))) > 1

    points = findings["operating_points"].values
    for name in ("rare", "a"):
        scores = points[name]["operating_point"]["test"]
        reached = sum(row["operating_points"][name]["reached"] for row in described)
        assert reached == scores["true_positives"] + scores["false_positives"]
    answers = findings["abstention"].values["answers"]
    assert sum(not row["abstains"] for row in described) == answers["answers"]

    best = corrected.argmax(axis=1)
    assert [row["class"] for row in described] == [CLASSES[place] for place in best]
    assert described[0]["groups"] == {"rare": pytest.approx(corrected[0, 1:].sum())}
    warnings = [each for part in findings.values() for each in part.warnings]
    assert list(document.decisions.warnings) == warnings


def test_run_without_evaluation_has_no_decisions(tmp_path):
    assert read_decisions(tmp_path, CLASSES) == {}
    document = parse_document(Description("run", CLASSES, 32).as_json())
    (row,) = describe(Answers(np.eye(3)[:1], np.eye(3)[:1]), document)
    assert row["prediction_set"] is None
    assert row["abstains"] is None
    assert row["operating_points"] == row["groups"] == {}


def test_decisions_of_a_different_model_are_rejected(run):
    (run / "model.keras").write_bytes(b"another model")
    with pytest.raises(ConfigError, match="must belong to the current model"):
        read_decisions(run, CLASSES)


@pytest.mark.parametrize("content", ["[]", '{"abstention": 1}', "{", "[" * 100_000])
def test_damaged_evaluation_is_named(run, content):
    (run / ".checksums").unlink()
    (run / "evaluation.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"evaluation\.json must be as"):
        read_decisions(run, CLASSES)


def test_decisions_for_different_classes_are_rejected(run):
    with pytest.raises(CheckpointError, match="of classes"):
        read_decisions(run, ("a", "b", "d"))
