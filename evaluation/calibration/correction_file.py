"""Writes and reads `calibration.json`, the correction of a run's probabilities."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.checked_files import damaged, read_checked_json, write_checked_json
from ...core.errors import ConfigError, message
from ...core.files import sha256_of_file
from ...core.run_layout import CALIBRATION_FILE, MODEL_FILE
from ..finding import Finding
from .scaling import Correction

_AGAIN = "`keraunos test {}` writes it again."


def write_correction(run_dir: Path, finding: Finding) -> None:
    """Writes the correction in a finding of `Calibration`, if there is one.

    The SHA-256 of `model.keras` is recorded with it, because it is valid for that model
    only. Nothing else of the run changes.
    """
    correction = finding.values.get("correction")
    if correction is None:
        return
    model = run_dir / MODEL_FILE
    document = {
        **correction,
        "model_sha256": sha256_of_file(model) if model.is_file() else None,
        "before": _numbers(finding.values["before"]),
        "after": _numbers(finding.values["after"]),
    }
    write_checked_json(run_dir / CALIBRATION_FILE, document)


def read_correction(run_dir: Path, class_names: tuple[str, ...]) -> Correction:
    """Reads the correction of the model of a run.

    Args:
        run_dir: Directory of the run.
        class_names: Classes of the model.

    Raises:
        ConfigError: There is none, or it belongs to another model.
        CheckpointError: The file is damaged.
    """
    file = run_dir / CALIBRATION_FILE
    again = _AGAIN.format(run_dir)
    if not file.exists():
        raise ConfigError(
            message(
                f"The run must have a {CALIBRATION_FILE}.",
                f"`keraunos test {run_dir}` writes it, if there are validation images to "
                "fit a correction; otherwise evaluation.json gives the reason.",
                run=str(run_dir),
            )
        )
    document = read_checked_json(file, again)
    try:
        correction = Correction.from_json(document)
        correction.coefficients(len(class_names))
        classes, fingerprint = document["classes"], document["model_sha256"]
    except (ConfigError, AttributeError, TypeError, KeyError) as error:
        raise damaged(file, str(error), again) from None
    if classes != list(class_names) or fingerprint != sha256_of_file(run_dir / MODEL_FILE):
        raise ConfigError(
            message(
                f"{CALIBRATION_FILE} must belong to the current model of the run, but it "
                "was fitted to another.",
                again,
                run=str(run_dir),
            )
        )
    return correction


def _numbers(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in scores.items() if name != "bins"}
