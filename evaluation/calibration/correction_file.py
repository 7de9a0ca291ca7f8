"""`calibration.json`: the correction of a run's probabilities, and how well it does."""

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
    """Writes the correction that a finding of `Calibration` holds, if it holds one.

    The SHA-256 of `model.keras` is noted with it: another model has another correction.
    Nothing else of the run changes.
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
    """The correction of the model that a run has.

    Args:
        run_dir: A run.
        class_names: Of its model.

    Raises:
        ConfigError: It has none, or one of another model.
        CheckpointError: The file is damaged.
    """
    file = run_dir / CALIBRATION_FILE
    again = _AGAIN.format(run_dir)
    if not file.exists():
        raise ConfigError(
            message(
                f"The run must have a {CALIBRATION_FILE}.",
                f"`keraunos test {run_dir}` writes it, if there are validation images to "
                "fit a correction on; evaluation.json says why if not.",
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
                f"{CALIBRATION_FILE} must belong to the current model of the run, but was "
                "fitted to another.",
                again,
                run=str(run_dir),
            )
        )
    return correction


def _numbers(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in scores.items() if name != "bins"}
