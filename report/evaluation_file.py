"""Writes `evaluation.json`: the results of an evaluation, and the evaluated model.

A test runs fewer parts than a report. Earlier results of the other parts stay valid, and
are kept, as long as the model and its predictions are unchanged.
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
    "not measured for the current model and predictions of the run: the earlier evaluation "
    "used different ones; `keraunos report` measures it again"
)


class Measured(Protocol):
    """Predictions that were evaluated."""

    @property
    def digest(self) -> str:
        """Digest of predictions and targets, independent of file paths."""


def write_evaluation(
    directory: Path,
    findings: Mapping[str, Finding],
    evidence: Measured | None,
    keeps_others: bool = False,
) -> set[str]:
    """Writes the results of an evaluation.

    Args:
        directory: Directory of the run.
        findings: Results by name of the part.
        evidence: The evaluated predictions; None if unknown.
        keeps_others: Whether to keep earlier results of parts that are not measured now. If
            they belong to another model or other predictions, a gap replaces them.

    Returns:
        The names of the kept parts.
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
    """Returns whether to keep an earlier result; a gap does not replace measured values."""
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
    """Reads the file; empty if it is missing or damaged."""
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
    """Converts to JSON values: non-finite numbers to null, unknown types to text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)
