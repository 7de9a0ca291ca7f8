import numpy as np
import pytest
from keraunos.evaluation.evidence import Evidence, as_labeled
from keraunos.evaluation.finding import Finding
from keraunos.evaluation.predictions import write_predictions
from keraunos.report.facts import RunFacts
from keraunos.report.make_report import (
    report_from_files,
    report_of_test,
    report_without_test,
)
from keraunos.report.page.page import page
from report_pages import Page, load_images, predictions


class Confidence:
    def evaluate(self, evidence):
        return Finding("Confidence", values={"images": len(evidence.test)})


class Maps:
    def explain(self, evidence, subject):
        raise AssertionError("the missing model must not be used")


PARTS = {"confidence": Confidence(), "maps": Maps()}


class Split:
    """A test split like that of the data."""

    names = predictions().names
    digests = ("a" * 64,) * 7
    images = staticmethod(load_images)


@pytest.fixture
def run(tmp_path):
    write_predictions(tmp_path / "predictions.csv", predictions())
    rows = [f"{name},{'a' * 64},cat,0,test" for name in predictions().names]
    text = "\n".join(["path,sha256,class,group,split", *rows])
    (tmp_path / "split.csv").write_text(text)
    return tmp_path


def report_on(run, images, made=None):
    made = made or predictions()
    evidence = Evidence(as_labeled(made))
    return report_of_test(RunFacts("a", run), made.scores(), evidence, {}, images)


def test_unchanged_run_has_no_warning(run):
    report = report_on(run, Split())
    assert report.warnings == []
    (remark,) = report.remarks
    assert remark == "The predictions are the same as in predictions.csv of the run."
    assert report.load_images(np.array([1])).shape == (1, 64, 64, 3)


def test_changed_images_raise_a_warning(run):
    images = Split()
    images.digests = ("a" * 64,) * 6 + ("b" * 64,)
    (warning,) = report_on(run, images).warnings
    assert warning.endswith("changed since the run (1): /photographs/test/6.jpg.")


def test_unreadable_split_table_is_reported_as_a_gap(run):
    (run / "split.csv").write_text("nothing\n1\n")
    (gap,) = report_on(run, Split()).gaps
    assert gap.startswith("not known: whether images have changed since")


def test_stored_predictions_are_evaluated_without_a_model(run):
    report = report_from_files(RunFacts("a", run), run, PARTS, "the images are gone.")
    assert report.scores["examples"] == 7
    assert report.findings["confidence"].values == {"images": 7}
    assert report.findings["maps"].gaps == ["not measured: the images are gone."]
    shown = Page(page([report])).text
    assert "The model could not be tested again" in shown
    assert "not measured again: the images are gone." in shown


def test_nothing_is_scored_without_model_and_predictions(run):
    (run / "predictions.csv").write_bytes(b"\x00")
    report = report_from_files(RunFacts("a", run), run, PARTS, "the images are gone.")
    assert report.scores is None
    assert "There is no score" in Page(page([report])).text
    assert all("the images are gone." in part.gaps[0] for part in report.findings.values())


def test_outputs_that_are_not_probabilities_are_reported_as_a_gap(run):
    one = predictions()
    one.probabilities[:] = 3.0
    write_predictions(run / "predictions.csv", one)
    report = report_from_files(RunFacts("a", run), run, PARTS, "gone.")
    assert report.scores is None
    assert "two or more classes" in report.gaps[0]


def test_run_without_test_images_still_gets_a_report():
    report = report_without_test(RunFacts("a"), ["calibration"], "there are none.")
    assert report.findings["calibration"].gaps == ["not measured: there are none."]
    shown = Page(page([report])).text
    assert "not measured: any scores. The reason: there are none." in shown
