"""Reads thresholds and prediction sets from a run's evaluation, for `model.json`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.checked_files import damaged, read_checked_json
from ..core.errors import ConfigError, message
from ..core.files import sha256_of_file
from ..core.run_layout import EVALUATION_FILE, MODEL_FILE
from .portable.decisions import decisions_of
from .portable.fields import Fields, ModelFileError

_AGAIN = "`keraunos test {}` writes it again."


def read_decisions(run: Path, classes: Sequence[str]) -> dict[str, Any]:
    """Reads thresholds, prediction sets and warnings of a run in the form of `model.json`.

    All thresholds apply to uncalibrated probabilities.

    Args:
        run: The run directory.
        classes: Classes of its model.

    Returns:
        `prediction_sets`, `operating_points`, `groups`, `abstention` and `warnings`; empty
        if the run was not evaluated.

    Raises:
        ConfigError: The evaluation belongs to another model.
        CheckpointError: The file is damaged.
    """
    file = run / EVALUATION_FILE
    if not file.exists():
        return {}
    again = _AGAIN.format(run)
    parts = read_checked_json(file, again)
    try:
        same, other = _parts_by_model(Fields(parts), sha256_of_file(run / MODEL_FILE))
        found = _decisions({name: parts[name] for name in same})
        decisions_of(Fields(found), classes)
    except (ModelFileError, AttributeError, KeyError, TypeError) as error:
        raise damaged(file, str(error), again) from None
    if other:
        raise ConfigError(
            message(
                f"{EVALUATION_FILE} must belong to the current model of the run.",
                again,
                run=str(run),
                of_another_model=other,
            )
        )
    return found


def _parts_by_model(parts: Fields, digest: str) -> tuple[list[str], list[str]]:
    """Returns the names of parts measured on this model, and on other models."""
    same: list[str] = []
    other: list[str] = []
    for name in parts:
        part = parts.object(name)
        subject = part.optional("measured_on")
        if subject is not None and subject.get("model_sha256") == digest:
            same.append(name)
        elif list(part.object("values")):
            other.append(name)
    return same, other


def _decisions(parts: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: part["values"] for name, part in parts.items()}
    points = values.get("operating_points", {})
    abstention = values.get("abstention", {})
    return {
        "prediction_sets": _sets(abstention.get("sets")),
        "operating_points": {
            name: {
                "classes": each["classes"],
                "threshold": each["operating_point"]["threshold"],
                "aim": each["operating_point"]["aim"],
            }
            for name, each in points.items()
            if each.get("operating_point")
        },
        "groups": {
            name: each["classes"] for name, each in points.items() if each["is_group"]
        },
        "abstention": _abstention(abstention.get("answers")),
        "warnings": [each for part in parts.values() for each in part["warnings"]],
    }


def _sets(sets: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if sets is None:
        return None
    return {
        "coverage": sets["wanted_coverage"],
        "by_class": sets["by_class"],
        "thresholds": {name: c["threshold"] for name, c in sets["per_class"].items()},
    }


def _abstention(answers: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if answers is None or answers["threshold"] is None:
        return None
    return {"risk": answers["wanted_risk"], "threshold": answers["threshold"]}
