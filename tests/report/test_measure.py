import pytest
from keraunos.core.errors import DataError
from keraunos.evaluation.evidence import Evidence, as_labeled
from keraunos.evaluation.finding import Finding
from keraunos.report.measure import measure
from report_pages import finding, predictions


class Part:
    """A user-defined part that calls a given function."""

    def __init__(self, does):
        self.does = does

    def evaluate(self, evidence):
        return self.does()


class Explaining:
    def __init__(self, does):
        self.does = does

    def explain(self, evidence, subject):
        return self.does()


def fail():
    raise RuntimeError("no such column")


def refuse():
    raise DataError("Labels are needed.")


def measure_part(part, subject=None):
    evidence = Evidence(as_labeled(predictions()))
    return measure({"own_part": part, "other": Part(finding)}, evidence, subject)


@pytest.mark.parametrize("kind", [Part, Explaining])
def test_failing_part_is_a_gap_and_the_others_are_measured(kind, capsys):
    found = measure_part(kind(fail), subject=object())
    (gap,) = found["own_part"].gaps
    assert gap.startswith("not measured: it failed with RuntimeError: no such column")
    assert found["other"].values == finding().values
    shown = capsys.readouterr().err
    assert "evaluation.own_part failed" in shown
    assert "in fail" in shown


def test_part_raising_a_keraunos_error_is_a_gap_without_a_traceback(capsys):
    assert measure_part(Part(refuse))["own_part"].gaps == [
        "not measured: Labels are needed."
    ]
    assert not capsys.readouterr().err


@pytest.mark.parametrize("answer", [None, {"mean": 0.5}])
def test_part_that_returns_no_finding_is_a_gap(answer):
    (gap,) = measure_part(Part(lambda: answer))["own_part"].gaps
    assert (
        f"`evaluation.own_part` must return a Finding. Received: returned={answer}" in gap
    )


def test_part_that_needs_a_model_is_a_gap_without_one():
    found = measure_part(Explaining(lambda: Finding("Own")))
    assert found["own_part"].gaps == ["not measured: the model was not run"]
