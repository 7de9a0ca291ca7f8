"""The files that an evaluation leaves in a run directory, beside the page."""

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

# Libraries and devices round differently; beyond this something else is different.
TOLERANCE = 1e-4


def write_findings(
    directory: Path,
    findings: Mapping[str, Finding],
    evidence: Evidence | None,
    keeps_others: bool = False,
) -> set[str]:
    """Writes what the parts of an evaluation came to.

    evaluation.json; calibration.json, if a correction was fitted; and
    validation_predictions.csv, on which choices were made.

    Args:
        directory: The run.
        findings: By name of the part.
        evidence: The predictions that they are about; None if not known.
        keeps_others: As of `write_evaluation`.

    Returns:
        Names of the parts that were kept.
    """
    kept = write_evaluation(directory, findings, evidence, keeps_others)
    if "calibration" in findings:
        write_correction(directory, findings["calibration"])
    file = directory / VALIDATION_PREDICTIONS_FILE
    if evidence is not None and evidence.validation is not None and not file.exists():
        write_findable_predictions(file, evidence.validation.predictions())
    return kept


def compare_predictions(file: Path, now: Predictions) -> tuple[str, bool]:
    """Whether predictions are those that a run has in a file.

    Returns:
        A sentence, and whether it is a warning.
    """
    try:
        before = read_predictions(file)
    except KeraunosError as error:
        return f"Not compared with {file.name} of the run: {error}", file.exists()
    if not _are_comparable(before, now):
        return (
            f"{file.name} has {len(before.names):,} images or labels that differ from the "
            f"{len(now.names):,} scored here; `keraunos test` writes it again.",
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
    return f"The same predictions are in {file.name} of the run.", False


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
