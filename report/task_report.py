"""Assembles the report of a multi-label or regression model."""

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..configs.choices import Task
from ..core.checked_files import read_checked_json
from ..core.errors import CheckpointError, reason_of
from ..core.run_layout import PREDICTIONS_FILE, TEST_FILE
from .facts import RunFacts, read_rows
from .make_report import changes_of_images, loader_of
from .run_files import TOLERANCE
from .run_report import RunReport
from .task_findings import TaskPredictions, task_findings

FOR_CLASSIFIERS = (
    "not measured: calibration, operating points, abstention, slices, Grad-CAM, robustness "
    "and doubtful labels, which are for models of one class per image"
)


def report_of_task(
    facts: RunFacts,
    scores: Mapping[str, Any],
    predictions: TaskPredictions,
    images: object,
) -> RunReport:
    """Creates the report of a model that was just tested.

    Args:
        facts: Facts about its run, if it has one.
        scores: Scores as in test.json.
        predictions: Predictions for test images.
        images: The test split.
    """
    load_images = loader_of(images)
    findings = task_findings(predictions, scores, load_images)
    report = RunReport(
        facts,
        scores,
        findings=findings,
        load_images=load_images,
        gaps=[FOR_CLASSIFIERS],
        task=predictions.task,
    )
    if facts.directory is None:
        return report
    remarks, warnings = _compared(facts.directory / PREDICTIONS_FILE, predictions)
    changes, gaps = changes_of_images(facts.directory, images)
    return replace(
        report,
        remarks=remarks,
        warnings=[*warnings, *changes],
        gaps=[*report.gaps, *gaps],
    )


def task_report_from_files(
    facts: RunFacts, directory: Path, task: Task, reason: str
) -> RunReport:
    """Creates a report from the scores in test.json, without model and images.

    Args:
        facts: Facts about the run.
        directory: Directory of the run.
        task: Task of its model.
        reason: Why model and images are missing.
    """
    gaps = [f"not measured again: {reason}", FOR_CLASSIFIERS]
    try:
        scores = read_checked_json(directory / TEST_FILE)
    except CheckpointError as error:
        return RunReport(facts, gaps=[*gaps, f"not shown: scores. {error}"], task=task)
    warning = f"The scores are those of {TEST_FILE}: the model could not be tested again."
    return RunReport(facts, scores, warnings=[warning], gaps=gaps, task=task)


def _compared(file: Path, predictions: TaskPredictions) -> tuple[list[str], list[str]]:
    """Compares predictions with those of the run; returns remarks and warnings."""
    if not file.exists():
        return [], []
    again = "`keraunos test` writes it again."
    try:
        rows = list(read_rows(file))
        before = np.array(
            [[float(row[name]) for name in predictions.output_columns] for row in rows]
        )
    except (OSError, ValueError, KeyError, csv.Error) as error:
        return [], [f"{file.name} can't be compared ({reason_of(error)}); {again}"]
    now = predictions.outputs
    if before.shape != now.shape or [row["file"] for row in rows] != [
        str(name) for name in predictions.names
    ]:
        return [], [f"{file.name} contains other images than those scored here; {again}"]
    scale = np.maximum(np.abs(now).max(axis=0), 1)
    count = int((np.abs(before - now) > TOLERANCE * scale).any(axis=1).sum())
    if count:
        return [], [
            f"{count:,} of {len(now):,} predictions differ from those in {file.name}: the "
            f"model, the images or a library have changed since. {again}"
        ]
    return [f"The predictions are the same as in {file.name} of the run."], []
