"""Writes the files of an evaluation, except the page, into a run directory."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..core.errors import KeraunosError
from ..core.run_layout import VALIDATION_PREDICTIONS_FILE
from ..evaluation.calibration.correction_file import write_correction
from ..evaluation.evidence import Evidence
from ..evaluation.finding import Finding
from ..evaluation.predictions import (
    Predictions,
    read_predictions,
    write_findable_predictions,
)
from .evaluation_file import write_evaluation

# Larger differences are not due to rounding by different libraries or devices.
TOLERANCE = 1e-4


def write_findings(
    directory: Path,
    findings: Mapping[str, Finding],
    evidence: Evidence | None,
    keeps_others: bool = False,
) -> set[str]:
    """Writes the results of an evaluation.

    The files are evaluation.json, calibration.json if a correction was fitted, and
    validation_predictions.csv, on which choices were made.

    Args:
        directory: Directory of the run.
        findings: Results by name of the part.
        evidence: The evaluated predictions; None if unknown.
        keeps_others: See `write_evaluation`.

    Returns:
        The names of the kept parts.
    """
    kept = write_evaluation(directory, findings, evidence, keeps_others)
    if "calibration" in findings:
        write_correction(directory, findings["calibration"])
    file = directory / VALIDATION_PREDICTIONS_FILE
    if evidence is not None and evidence.validation is not None and not file.exists():
        write_findable_predictions(file, evidence.validation.predictions())
    return kept


def compare_predictions(file: Path, now: Predictions) -> tuple[str, bool]:
    """Compares predictions with those in a file of a run.

    Returns:
        A sentence, and whether it is a warning.
    """
    try:
        before = read_predictions(file)
    except KeraunosError as error:
        return f"Not compared with {file.name} of the run: {error}", file.exists()
    if not _are_comparable(before, now):
        return (
            f"The {len(before.names):,} images in {file.name}, or their labels, differ "
            f"from the {len(now.names):,} scored here; `keraunos test` writes it again.",
            True,
        )
    differences = np.abs(before.probabilities - now.probabilities).max(axis=1)
    count = int((differences > TOLERANCE).sum())
    if count:
        return (
            f"{count:,} of {len(now.names):,} predictions differ from those in {file.name} "
            f"(by up to {differences.max():.3g}): the model, the images or a library have "
            "changed since. `keraunos test` writes it again.",
            True,
        )
    return f"The predictions are the same as in {file.name} of the run.", False


def _are_comparable(before: Predictions, now: Predictions) -> bool:
    return (
        all(map(_is_same_file, before.names, now.names))
        and len(before.names) == len(now.names)
        and tuple(before.class_names) == tuple(now.class_names)
        and before.labels is not None
        and now.labels is not None
        and np.array_equal(before.labels, now.labels)
    )


def _is_same_file(one: str, other: str) -> bool:
    return os.path.abspath(one) == os.path.abspath(other)
