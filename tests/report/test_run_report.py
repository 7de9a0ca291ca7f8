"""Warnings of a report, in addition to those of its parts."""

from pathlib import Path
from typing import Any

import pytest
from keraunos.evaluation import classification_scores
from keraunos.evaluation.evidence import Labeled
from keraunos.evaluation.finding import Finding
from keraunos.report.facts import RunFacts, read_facts
from keraunos.report.run_report import RunReport
from simulated import simulated


@pytest.fixture
def facts(tmp_path: Path) -> RunFacts:
    return read_facts(tmp_path)


def report_of(test: Labeled, facts: RunFacts, **options: Any) -> RunReport:
    scores = classification_scores(test.labels, test.probabilities, test.class_names)
    return RunReport(facts, scores, **options)


def test_zero_width_interval_raises_a_warning(facts: RunFacts) -> None:
    test = simulated(40, classes=3, seed=1)
    test.probabilities[:] = [0.5, 0.3, 0.2]  # whatever the image
    (warning,) = report_of(test, facts).all_warnings
    assert "interval of macro f1, macro roc auc has no width" in warning


def test_warnings_of_parts_follow_those_of_the_report(facts: RunFacts) -> None:
    findings = {"slices": Finding("Slices", warnings=["worse"])}
    test = simulated(40, classes=3, seed=1)
    report = report_of(test, facts, warnings=["moved"], findings=findings)
    assert report.all_warnings == ["moved", "worse"]
