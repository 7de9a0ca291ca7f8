"""The report shows means over views and folds, even if files are damaged."""

import json
from pathlib import Path
from typing import Any

import pytest
from keraunos.report.averages import read_averages
from keraunos.report.facts import RunFacts, read_facts
from keraunos.report.page.page import page
from keraunos.report.run_report import RunReport
from report_pages import Page


def scores(value: float, **more: Any) -> dict[str, Any]:
    names = ("accuracy", "balanced_accuracy", "macro_f1", "macro_roc_auc")
    intervals = {"balanced_accuracy": [value - 0.125, value + 0.125]}
    return {"examples": 1200, **dict.fromkeys(names, value), "intervals": intervals} | more


def difference(first: str, second: str) -> dict[str, Any]:
    line = "Balanced accuracy differs by +0.125: these images do not show which is better."
    return {"first": first, "second": second, "conclusions": [line]}


VIEWS = scores(0.625, views=8, against_single_model=difference("single model", "mean"))
TESTED = scores(0.5, tta=VIEWS)
ENSEMBLE = {
    "split": "test",
    "ensemble": scores(
        0.75,
        against_members={"fold-1": difference("fold-1", "ensemble")},
        tta=scores(0.875, views=2),
    ),
    "members": {"fold-1": scores(0.5), "fold-<b>2": scores(0.25)},
}


@pytest.fixture
def fold(tmp_path: Path) -> Path:
    directory = tmp_path / "folds" / "fold-1"
    directory.mkdir(parents=True)
    (directory / "test.json").write_text(json.dumps(TESTED))
    (directory.parent / "ensemble.json").write_text(json.dumps(ENSEMBLE))
    return directory


def test_page_shows_means_next_to_the_single_model(fold: Path) -> None:
    facts = read_facts(fold)
    assert [row[:3] for row in facts.averages.table.rows] == [
        ["single model", 1200, "0.500 (0.375 to 0.625)"],
        ["mean of 8 views", 1200, "0.625 (0.500 to 0.750)"],
        ["fold-1", 1200, "0.500 (0.375 to 0.625)"],
        ["fold-<b>2", 1200, "0.250 (0.125 to 0.375)"],
        ["mean of 2 folds", 1200, "0.750 (0.625 to 0.875)"],
        ["mean of 2 folds, 2 views", 1200, "0.875 (0.750 to 1.000)"],
    ]
    shown = Page(page([RunReport(facts)]))
    assert "Views and ensembles" in shown.text
    assert "mean of 8 views 1,200 0.625 (0.500 to 0.750) 0.625" in shown.text
    assert "ensemble against fold-1: Balanced accuracy differs by +0.125" in shown.text
    assert {"href": "#run1-averages"} in shown.all("a")


def test_averages_section_is_omitted_without_means(fold: Path) -> None:
    (fold / "test.json").write_text(json.dumps(scores(0.5)))
    (fold.parent / "ensemble.json").write_text(
        json.dumps(ENSEMBLE | {"split": "validation"})
    )
    assert read_averages(fold) == (None, (), ())
    assert "Views and ensembles" not in Page(page([RunReport(RunFacts("run"))])).text


def test_ensemble_next_to_a_run_that_is_not_a_fold_is_ignored(fold: Path) -> None:
    run = fold.rename(fold.with_name("other"))
    assert len(read_averages(run).table.rows) == 2


DAMAGES = [
    "", "[", "3", "null", "[]", '{"tta": {}}', '{"tta": 3}',
    json.dumps(TESTED | {"tta": VIEWS | {"views": "many"}}),
    json.dumps(TESTED | {"tta": VIEWS | {"intervals": {"accuracy": [0.5]}}}),
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGES)
def test_damaged_file_is_reported_as_a_gap(fold: Path, content: str) -> None:
    (fold / "test.json").write_text(content)
    found = read_averages(fold)
    assert found.table.rows[0][0] == "fold-1"
    (gap,) = found.gaps
    assert gap.startswith("not shown: means in test.json, because it can't be read (")
    assert gap in read_facts(fold).gaps


def test_means_of_regression_models_show_regression_scores(fold: Path) -> None:
    names = ("mean_absolute_error", "root_mean_squared_error", "r2")
    own = {"images": 30, "per_target": {}, **dict.fromkeys(names, 0.5)}
    better = own | {"r2": 0.75}
    (fold / "test.json").write_text(json.dumps(own | {"tta": better | {"views": 3}}))
    ensemble = {"split": "test", "ensemble": better, "members": {"fold-1": own}}
    (fold.parent / "ensemble.json").write_text(json.dumps(ensemble))
    found = read_averages(fold)
    assert found.gaps == ()
    assert found.table.header[2:] == [
        "mean absolute error",
        "root mean squared error",
        "r2",
    ]
    assert [[row[0], row[1], row[-1]] for row in found.table.rows] == [
        ["single model", 30, "0.500"],
        ["mean of 3 views", 30, "0.750"],
        ["fold-1", 30, "0.500"],
        ["mean of 1 folds", 30, "0.750"],
    ]
