"""Renders reports of runs as one self-contained HTML page."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from ...core.counted import counted
from ...core.differences import flatten
from ...core.html import base_style, page_environment, read_resource
from ...core.names import some
from ...evaluation.evidence import Labeled
from ...evaluation.finding import Finding, Panel, Table
from ...evaluation.learning_curves import curves_figure
from ...evaluation.multi_label.predictions import SEPARATOR
from ..numbers import shown
from ..run_report import RunReport
from .comparison import comparison
from .local_paths import without_folders
from .shown_images import Budget, as_json, described_images, images_of_cells
from .sliders import threshold_tables
from .summary import headline, not_for, number_of_images, on_what_data, what_it_does
from .svg import inline_svg
from .task_words import WORDS

# With figures and tables, pages stay below 15 MB, a common limit for mail.
BYTES_OF_IMAGES = 9_000_000
MOST_ROWS = 200
MOST_CLASSES = 40
MOST_PANELS = 400
WITH_SLIDER = "operating_points"


def page(reports: Sequence[RunReport]) -> str:
    """Returns the page: HTML with embedded style, script, figures and images.

    Args:
        reports: Report of one run, or of several runs to compare.
    """
    share = BYTES_OF_IMAGES // len(reports)
    runs = [
        _view(report, f"run{number}", Budget(share))
        for number, report in enumerate(reports, start=1)
    ]
    script = read_resource(__package__, "page.js")
    environment = page_environment()
    environment.filters |= {"shown": shown, "json": lambda value: Markup(as_json(value))}
    template = environment.from_string(read_resource(__package__, "page.html"))
    return template.render(
        title=f"Report on {some(report.facts.name for report in reports)}",
        style=Markup(base_style() + read_resource(__package__, "page.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        comparison=comparison(reports) if len(reports) > 1 else None,
        runs=runs,
        most_rows=MOST_ROWS,
    )


def _view(report: RunReport, key: str, budget: Budget) -> dict[str, Any]:
    """Returns the variables of the template for one run."""
    facts = report.facts
    findings = [
        _finding(name, finding, f"{key}-{_as_identifier(name)}", budget)
        for name, finding in report.findings.items()
    ]
    matrix = _matrix(report, budget)
    return {
        "key": key,
        "name": facts.name,
        "directory": facts.directory and without_folders(str(facts.directory)),
        "what": what_it_does(report),
        "data": on_what_data(facts),
        "not_for": not_for(report),
        "shipped": report.scores,
        "images": number_of_images(report),
        "words": WORDS[report.task],
        "is_classifier": report.task == "classification",
        "cleaned": report.cleaned,
        "headline": _headlines(report),
        "warnings": report.all_warnings,
        "gaps": [*report.all_gaps, *_unreadable(budget)],
        "remarks": report.remarks,
        "class_counts": _class_counts(report),
        "dropped": facts.dropped_files,
        "dropped_total": sum(facts.dropped.values()),
        "curves": _curves(report, key),
        "best": facts.best,
        "exported_epoch": facts.exported_epoch,
        "per_class": _per_class(report),
        "matrix": matrix,
        "findings": findings,
        "siblings": facts.siblings,
        "averages": facts.averages,
        "exports": facts.exports,
        "settings": _settings(facts.settings),
        "environment": sorted(_without_command(flatten(dict(facts.environment))).items()),
        "command": _command(facts.environment),
        "left_out": budget.left_out,
    }


def _headlines(report: RunReport) -> list[dict[str, Any]]:
    """Returns each score on all test images, with the cleaned score, if any."""
    if report.scores is None:
        return []
    shipped = headline(report.scores, report.task)
    cleaned = (
        headline(report.cleaned, report.task) if report.cleaned else [None] * len(shipped)
    )
    return [
        {"name": one["name"], "values": [one, *([two] if two else [])]}
        for one, two in zip(shipped, cleaned, strict=True)
    ]


def _class_counts(report: RunReport) -> Table | None:
    """Returns the number of images by class or label, and split."""
    counts = report.facts.counts
    if not counts:
        return None
    totals_of = {split: sum(each.values()) for split, each in counts.items()}
    if report.task != "classification":
        counts = {split: _label_counts(report, each) for split, each in counts.items()}
    order = [name for name in ("train", "validation", "test") if name in counts]
    order += [name for name in counts if name not in order]
    names = dict.fromkeys([*report.class_names, *(n for c in counts.values() for n in c)])
    rows = [[name, *(counts[split].get(name, 0) for split in order)] for name in names]
    totals: list[Any] = ["all", *(totals_of[split] for split in order)]
    if report.task == "regression":
        return Table("Images by split", ["", *order], [totals])
    one = WORDS[report.task].one
    return Table(f"Images by {one} and split", [one, *order], [*rows, totals])


def _label_counts(report: RunReport, texts: Mapping[str, int]) -> dict[str, int]:
    """Counts images by label from counts by combined labels; empty for regression."""
    counts: dict[str, int] = {}
    if report.task == "regression":
        return counts
    for text, count in texts.items():
        for name in text.split(SEPARATOR) if text else ():
            counts[name] = counts.get(name, 0) + count
    return counts


def _curves(report: RunReport, key: str) -> Markup | None:
    history = report.facts.history
    if not history:
        return None
    what = "Each metric over the epochs of training, for training and validation images."
    facts = report.facts
    figure = curves_figure(history, facts.epochs or None, facts.exported_epoch)
    return inline_svg(figure, f"{key}-curves", what)


def _per_class(report: RunReport) -> Table | None:
    if report.scores is None or report.task != "classification":
        return None
    header = ["class", "test images", "recall", "precision", "F1", "ROC-AUC"]
    keys = ("support", "recall", "precision", "f1", "roc_auc")
    classes: Mapping[str, Any] = report.scores["per_class"]
    rows = [[name, *(values[key] for key in keys)] for name, values in classes.items()]
    return Table("Scores by class", header, rows)


def _matrix(report: RunReport, budget: Budget) -> dict[str, Any] | None:
    """Returns the confusion matrix with the images behind its cells."""
    test = report.test
    if test is None:
        return None
    counts = test.predictions().confusion_matrix()
    classes = _most_confused_classes(counts)
    images = []
    if report.load_images is not None:
        rows = images_of_cells(test)
        images = described_images(test, report.load_images, rows, budget)
    return {
        "classes": [(place, test.class_names[place]) for place in classes.tolist()],
        "rows": _cells(test, counts, classes),
        "left_out": len(test.class_names) - len(classes),
        "names": list(test.class_names),
        "images": images,
    }


def _unreadable(budget: Budget) -> list[str]:
    if not budget.unreadable:
        return []
    return [
        f"not shown: {counted(len(budget.unreadable), 'image')} of the confusion matrix "
        f"(moved or changed): {some(budget.unreadable, 50)}"
    ]


def _most_confused_classes(counts: Any) -> Any:
    """Returns the classes to show: all, or, if there are many, the most confused."""
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diagonal(counts)
    return np.sort(np.argsort(-mistakes, kind="stable")[:MOST_CLASSES])


def _cells(test: Labeled, counts: Any, classes: Any) -> list[dict[str, Any]]:
    totals = np.maximum(counts.sum(axis=1), 1)
    return [
        {
            "name": test.class_names[row],
            "total": int(counts[row].sum()),
            "cells": [
                {
                    "true": row,
                    "predicted": column,
                    "count": int(counts[row, column]),
                    "share": float(counts[row, column] / totals[row]),
                }
                for column in classes.tolist()
            ],
        }
        for row in classes.tolist()
    ]


def _finding(name: str, finding: Finding, key: str, budget: Budget) -> dict[str, Any]:
    """Returns the variables of the template for one part of the evaluation."""
    figures = {
        title.replace("_", " "): _render_figure(figure, f"{key}-{number}", finding, title)
        for number, (title, figure) in enumerate(finding.figures.items())
    }
    budget.left_out += max(len(finding.panels) - MOST_PANELS, 0)
    return {
        "key": key,
        "finding": finding,
        "figures": figures,
        "panels": list(_panels(finding.panels[:MOST_PANELS], budget)),
        "curves": threshold_tables(finding.values) if name == WITH_SLIDER else [],
    }


def _as_identifier(name: str) -> str:
    """Converts the name of a part to a valid HTML id."""
    return re.sub(r"\W", lambda match: f"_{ord(match[0]):x}_", name)


def _render_figure(
    figure: Figure, prefix: str, finding: Finding, name: str
) -> Markup | str:
    """Renders a figure; returns the reason as text if that fails, as for a user's own."""
    description = f"{finding.title}: {name.replace('_', ' ')}. "
    try:
        return inline_svg(figure, prefix, description + " ".join(finding.conclusions))
    except Exception as error:
        return f"not shown: this figure can't be drawn ({type(error).__name__}: {error})"


def _panels(
    panels: Sequence[Panel], budget: Budget
) -> Iterator[tuple[str, list[tuple[str, Sequence[str]]], bool]]:
    """Yields images by heading, each with its caption, and whether any is wide."""
    for heading, members in groupby(panels, key=lambda panel: panel.heading):
        together = list(members)
        encoded = [(budget.encode(panel.pixels), panel.caption) for panel in together]
        is_wide = any(
            each.pixels.shape[1] > 1.5 * each.pixels.shape[0] for each in together
        )
        yield heading, [each for each in encoded if each[0]], is_wide


def _settings(settings: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = sorted(flatten(dict(settings)).items())
    return [(name, without_folders(value)) for name, value in found]


def _without_command(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Removes the command, which is shown separately."""
    return {name: value for name, value in environment.items() if name != "command"}


def _command(environment: Mapping[str, Any]) -> str:
    command = environment.get("command")
    return " ".join(map(str, without_folders(command))) if isinstance(command, list) else ""
