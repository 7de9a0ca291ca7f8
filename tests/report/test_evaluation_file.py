import json

import numpy as np
import pytest
from keraunos.evaluation.evidence import Evidence, as_labeled
from keraunos.evaluation.finding import Finding
from keraunos.report.evaluation_file import write_evaluation
from report_pages import finding, predictions

EVIDENCE = Evidence(as_labeled(predictions()))
REFUSED = Finding("Mine", gaps=["not measured: it would import mine"])


def read_evaluation(directory):
    return json.loads((directory / "evaluation.json").read_text())


def test_all_values_are_converted_to_json(tmp_path):
    day = np.datetime64("2024-05-06")
    values = {"a": np.float32(0.5), "b": np.arange(2), "c": float("nan")}
    values |= {"d": {7}, "e": day, "f": b"raw"}
    odd = Finding("Odd", values=values)
    write_evaluation(tmp_path, {"part": finding(), "odd": odd}, None)
    content = read_evaluation(tmp_path)
    assert content["part"]["values"] == {"error": 0.125}
    assert content["part"]["gaps"][0].startswith("not measured")
    numbers = {"a": 0.5, "b": [0, 1], "c": None}
    others = {"d": [7], "e": "2024-05-06", "f": "b'raw'"}
    assert content["odd"]["values"] == numbers | others


@pytest.fixture
def evaluated_run(tmp_path):
    """A run that was evaluated by a report."""
    (tmp_path / "model.keras").write_bytes(b"weights")
    parts = {name: finding() for name in ("calibration", "grad_cam", "mine")}
    write_evaluation(tmp_path, parts, EVIDENCE)
    return tmp_path


def test_testing_keeps_report_results_for_the_same_predictions(evaluated_run):
    before = read_evaluation(evaluated_run)
    now = {"calibration": Finding("Calibration", values={"error": 0.5}), "mine": REFUSED}
    kept = write_evaluation(evaluated_run, now, EVIDENCE, keeps_others=True)
    assert kept == {"grad_cam", "mine"}
    after = read_evaluation(evaluated_run)
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
def test_results_of_another_model_or_predictions_become_a_gap(evaluated_run, change):
    evidence = change(evaluated_run)
    for _ in range(2):  # the gap itself stays
        kept = write_evaluation(
            evaluated_run, {"mine": REFUSED}, evidence, keeps_others=True
        )
        assert kept == set()
        after = read_evaluation(evaluated_run)
        assert after["mine"]["gaps"] == REFUSED.gaps
        assert after["grad_cam"]["values"] == {}
        assert "the earlier evaluation used different ones" in after["grad_cam"]["gaps"][0]


def test_report_drops_results_that_it_did_not_measure(evaluated_run):
    write_evaluation(evaluated_run, {"mine": finding()}, EVIDENCE)
    assert set(read_evaluation(evaluated_run)) == {"mine"}


@pytest.mark.parametrize("content", ["", "[]", '{"grad_cam": 3}'])
def test_malformed_evaluation_file_is_replaced(evaluated_run, content):
    (evaluated_run / "evaluation.json").write_text(content)
    write_evaluation(evaluated_run, {"mine": finding()}, EVIDENCE, keeps_others=True)
    assert set(read_evaluation(evaluated_run)) == {"mine"}
