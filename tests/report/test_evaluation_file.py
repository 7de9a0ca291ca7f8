import json

import numpy as np
import pytest
from keraunos.evaluation.evidence import Evidence, as_labeled
from keraunos.evaluation.finding import Finding
from keraunos.report.evaluation_file import write_evaluation
from report_pages import finding, predictions

EVIDENCE = Evidence(as_labeled(predictions()))
REFUSED = Finding("Mine", gaps=["not measured: it would import mine"])


def written(directory):
    return json.loads((directory / "evaluation.json").read_text())


def test_all_numbers_are_kept_as_json(tmp_path):
    day = np.datetime64("2024-05-06")
    values = {"a": np.float32(0.5), "b": np.arange(2), "c": float("nan")}
    values |= {"d": {7}, "e": day, "f": b"raw"}
    odd = Finding("Odd", values=values)
    write_evaluation(tmp_path, {"part": finding(), "odd": odd}, None)
    content = written(tmp_path)
    assert content["part"]["values"] == {"error": 0.125}
    assert content["part"]["gaps"][0].startswith("not measured")
    numbers = {"a": 0.5, "b": [0, 1], "c": None}
    others = {"d": [7], "e": "2024-05-06", "f": "b'raw'"}
    assert content["odd"]["values"] == numbers | others


@pytest.fixture
def reported(tmp_path):
    """A run that a report has looked at."""
    (tmp_path / "model.keras").write_bytes(b"weights")
    parts = {name: finding() for name in ("calibration", "grad_cam", "mine")}
    write_evaluation(tmp_path, parts, EVIDENCE)
    return tmp_path


def test_a_test_keeps_what_a_report_measured_of_the_same_predictions(reported):
    before = written(reported)
    now = {"calibration": Finding("Calibration", values={"error": 0.5}), "mine": REFUSED}
    kept = write_evaluation(reported, now, EVIDENCE, keeps_others=True)
    assert kept == {"grad_cam", "mine"}
    after = written(reported)
    assert after["calibration"]["values"] == {"error": 0.5}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def other_model(directory):
    (directory / "model.keras").write_bytes(b"other weights")
    return EVIDENCE


def other_test(directory):
    return Evidence(as_labeled(predictions(taken=(0, 1, 0, 1, 1, 0, 0))))


def other_labels(directory):
    return Evidence(as_labeled(predictions(labels=(0, 0, 0, 1, 1, 1, 0))))


def other_validation(directory):
    return Evidence(EVIDENCE.test, EVIDENCE.test)


def no_predictions(directory):
    return None


@pytest.mark.parametrize(
    "change", [other_model, other_test, other_labels, other_validation, no_predictions]
)
def test_what_was_measured_of_another_model_or_predictions_is_a_gap(reported, change):
    evidence = change(reported)
    for _ in range(2):  # the gap itself stays
        kept = write_evaluation(reported, {"mine": REFUSED}, evidence, keeps_others=True)
        assert kept == set()
        after = written(reported)
        assert after["mine"]["gaps"] == REFUSED.gaps
        assert after["grad_cam"]["values"] == {}
        assert "the earlier evaluation used different ones" in after["grad_cam"]["gaps"][0]


def test_a_report_keeps_nothing_that_it_did_not_measure(reported):
    write_evaluation(reported, {"mine": finding()}, EVIDENCE)
    assert set(written(reported)) == {"mine"}


@pytest.mark.parametrize("content", ["", "[]", '{"grad_cam": 3}'])
def test_a_file_that_is_not_what_was_written_is_replaced(reported, content):
    (reported / "evaluation.json").write_text(content)
    write_evaluation(reported, {"mine": finding()}, EVIDENCE, keeps_others=True)
    assert set(written(reported)) == {"mine"}
