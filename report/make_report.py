"""Assembles the report of one run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ..core.errors import KeraunosError, reason_of
from ..core.run_layout import (
    PREDICTIONS_FILE,
    SPLIT_FILE,
    VALIDATION_PREDICTIONS_FILE,
)
from ..evaluation.comparisons.matching import FingerprintedImages
from ..evaluation.evidence import Evidence, Labeled, as_labeled
from ..evaluation.finding import Finding
from ..evaluation.predictions import read_predictions
from .facts import RunFacts
from .image_changes import find_changes
from .measure import measure, unmeasured
from .registry import Part
from .run_files import compare_predictions
from .run_report import LoadImages, RunReport


@runtime_checkable
class _ProvidesImages(Protocol):
    """A split that returns images by row."""

    def images(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Returns the images at these positions, `(places, height, width, 3)` uint8."""


def report_of_test(
    facts: RunFacts,
    scores: Mapping[str, Any],
    evidence: Evidence,
    findings: Mapping[str, Finding],
    images: object,
) -> RunReport:
    """Creates the report of a model that was just tested.

    Args:
        facts: Facts about its run, if it has one.
        scores: Scores as in test.json.
        evidence: Predictions of the model.
        findings: Results of the evaluation by part.
        images: The test split.
    """
    load_images = loader_of(images)
    report = RunReport(facts, scores, evidence.test, findings, load_images)
    if facts.directory is None:
        return report
    return _add_comparisons(report, facts.directory, evidence, images)


def report_from_files(
    facts: RunFacts, directory: Path, parts: Mapping[str, Part], reason: str
) -> RunReport:
    """Creates a report from the predictions of a run, without its model and images.

    Args:
        facts: Facts about the run.
        directory: Directory of the run.
        parts: Parts of the evaluation.
        reason: Why model and images are missing.
    """
    gaps = [f"not measured again: {reason}"]
    try:
        predictions = read_predictions(directory / PREDICTIONS_FILE)
        evidence = Evidence(as_labeled(predictions), _validation(directory, gaps))
    except KeraunosError as error:
        return report_without_test(facts, list(parts), f"{reason} {error}")
    warning = (
        "The model could not be tested again: the scores are those of the predictions that "
        f"the run has written ({PREDICTIONS_FILE}), and it is unknown which images have a "
        "copy in another class."
    )
    return RunReport(
        facts,
        predictions.scores(),
        evidence.test,
        measure(parts, evidence, None, reason),
        warnings=[warning],
        gaps=gaps,
    )


def report_without_test(facts: RunFacts, names: Sequence[str], reason: str) -> RunReport:
    """Creates the report of a run without scores.

    Args:
        facts: Facts about the run.
        names: Names of the parts of the evaluation.
        reason: Why there are no scores.
    """
    gaps = [f"not measured: any scores. The reason: {reason}"]
    return RunReport(facts, findings=unmeasured(names, reason), gaps=gaps)


def loader_of(images: object) -> LoadImages | None:
    """Returns the function that loads images of a split by row, or None."""
    return images.images if isinstance(images, _ProvidesImages) else None


def changes_of_images(directory: Path, images: object) -> tuple[list[str], list[str]]:
    """Compares the images of a test split with those in split.csv.

    Returns:
        Warnings about changes, and gaps if they are unknown.
    """
    try:
        if isinstance(images, FingerprintedImages):
            return list(find_changes(directory / SPLIT_FILE, images).warnings()), []
    except (OSError, ValueError) as error:
        why = reason_of(error)
        return [], [f"not known: whether images have changed since. {SPLIT_FILE}: {why}"]
    return [], []


def _add_comparisons(
    report: RunReport, directory: Path, evidence: Evidence, images: object
) -> RunReport:
    """Adds comparisons with the files that the run has written."""
    warnings, remarks = list(report.warnings), list(report.remarks)
    for labeled, name in (
        (evidence.test, PREDICTIONS_FILE),
        (evidence.validation, VALIDATION_PREDICTIONS_FILE),
    ):
        if labeled is not None and (directory / name).exists():
            text, is_warning = compare_predictions(directory / name, labeled.predictions())
            (warnings if is_warning else remarks).append(text)
    changes, gaps = changes_of_images(directory, images)
    warnings += changes
    return replace(report, warnings=warnings, remarks=remarks, gaps=[*report.gaps, *gaps])


def _validation(directory: Path, gaps: list[str]) -> Labeled | None:
    file = directory / VALIDATION_PREDICTIONS_FILE
    try:
        return as_labeled(read_predictions(file)) if file.exists() else None
    except KeraunosError as error:
        gaps.append(f"not used: validation images. {error}")
        return None
