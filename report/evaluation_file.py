"""`evaluation.json`: what each part of an evaluation came to, and of which model.

A test runs fewer parts than a report. What the others came to stays true as long as the
model and its predictions are the same, and is kept that long.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..core.checked_files import read_checked_json, write_checked_json
from ..core.errors import CheckpointError
from ..core.files import sha256_of_file
from ..core.run_layout import EVALUATION_FILE, MODEL_FILE
from ..evaluation.finding import Finding

_OUTDATED = (
    "not measured for the current model and predictions of the run: an earlier evaluation "
    "was of different ones; `keraunos report` measures it again"
)


class Measured(Protocol):
    """What was evaluated: the predictions of a model for images."""

    @property
    def digest(self) -> str:
        """The digest of predictions and targets, independent of file paths."""


def write_evaluation(
    directory: Path,
    findings: Mapping[str, Finding],
    evidence: Measured | None,
    keeps_others: bool = False,
) -> set[str]:
    """Writes what the parts of an evaluation came to.

    Args:
        directory: The run.
        findings: By name of the part.
        evidence: The predictions that they are about; None if not known.
        keeps_others: Whether parts that were measured earlier, and are not now, stay.
            Where they are of another model or other predictions, a gap takes their place.

    Returns:
        Names of the parts that were kept.
    """
    subject = _subject(directory, evidence)
    content = {
        name: {**_as_json(finding), "measured_on": subject}
        for name, finding in findings.items()
    }
    earlier = _earlier(directory) if keeps_others else {}
    kept = {
        name: part
        for name, part in earlier.items()
        if subject
        and part.get("measured_on") == subject
        and _is_missing(findings.get(name), part)
    }
    gaps = {name: _outdated(part) for name, part in earlier.items()}
    write_checked_json(directory / EVALUATION_FILE, {**gaps, **content, **kept})
    return set(kept)


def _is_missing(finding: Finding | None, earlier: Mapping[str, Any]) -> bool:
    """Whether an earlier evaluation knows more: a gap takes no measured value's place."""
    return finding is None or bool(earlier.get("values") and not finding.values)


def _subject(directory: Path, evidence: Measured | None) -> dict[str, str | None] | None:
    if evidence is None:
        return None
    model = directory / MODEL_FILE
    return {
        "model_sha256": sha256_of_file(model) if model.is_file() else None,
        "predictions_sha256": evidence.digest,
    }


def _earlier(directory: Path) -> dict[str, dict[str, Any]]:
    """What the file holds; nothing if it is not there, or not what was written."""
    try:
        content = read_checked_json(directory / EVALUATION_FILE)
    except CheckpointError:
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: part for name, part in content.items() if isinstance(part, dict)}


def _outdated(part: Mapping[str, Any]) -> dict[str, Any]:
    gap = Finding(str(part.get("title", "")), gaps=[_OUTDATED])
    return {**_as_json(gap), "measured_on": None}


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "title": finding.title,
        "values": _plain(finding.values),
        "conclusions": list(finding.conclusions),
        "warnings": list(finding.warnings),
        "gaps": list(finding.gaps),
    }


def _plain(value: Any) -> Any:
    """What JSON can hold: null for what is not a finite number, text for what it lacks."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)
