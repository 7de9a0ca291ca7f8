"""Adds the evaluation of a run to the description of its model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..configs.choices import Task
from ..core.checked_files import read_checked_json
from ..core.console import notify
from ..core.errors import CheckpointError, ConfigError, message
from ..core.run_layout import CALIBRATION_FILE, TEST_FILE
from ..evaluation.calibration.correction_file import read_correction
from ..evaluation.calibration.scaling import Correction
from .decisions import read_decisions
from .description import Description
from .not_for import read_not_for


def with_evaluation(
    description: Description, run: Path, calibrated: bool = False
) -> Description:
    """Adds calibration, thresholds, prediction sets and warnings.

    Parts that are damaged or belong to another model are left out, with a message.

    Args:
        description: Description of the run's model.
        run: The run directory.
        calibrated: Whether the model applies the calibration, which must then exist.

    Raises:
        ConfigError: There is no calibration of this model, but `calibrated` is set.
        CheckpointError: The calibration file is damaged.
    """
    return replace(
        description,
        correction=_correction(run, tuple(description.classes), calibrated),
        applied_in_graph=calibrated,
        decisions=_decisions(run, tuple(description.classes)),
        not_for=read_not_for(run, tuple(description.classes)),
    )


def require_classification(task: Task, **options: bool) -> None:
    """Rejects options that only classifiers support.

    Args:
        task: Task of the run.
        **options: Options by name, such as `calibrated=True`.

    Raises:
        ConfigError: An option is set, but the task is not classification.
    """
    wanted = [name for name, is_set in options.items() if is_set]
    if wanted and task != "classification":
        raise ConfigError(
            message(
                f"`{wanted[0]}` is for models of one class per image.",
                "Export without it.",
                task=task,
                **dict.fromkeys(wanted, True),
            )
        )


def with_test(description: Description, run: Path) -> Description:
    """Adds thresholds or intervals of a test, for tasks other than classification.

    Args:
        description: Description of the run's model.
        run: The run directory. Without a test, nothing is added.

    Raises:
        CheckpointError: The test file is damaged.
    """
    if not (run / TEST_FILE).is_file():
        return description
    scores = read_checked_json(run / TEST_FILE)
    labels, numbers = scores.get("per_label", {}), scores.get("per_target", {})
    names = description.classes
    not_for = read_not_for(run, tuple(names), description.task)
    description = replace(description, not_for=not_for)
    if description.task == "multi_label":
        chosen = [labels.get(name, {}).get("threshold") for name in names]
        return replace(description, thresholds=chosen)
    widths = [numbers.get(name, {}).get("interval_half_width") for name in names]
    return replace(description, half_widths=widths)


def _correction(run: Path, classes: tuple[str, ...], is_needed: bool) -> Correction | None:
    """Reads `calibration.json`; returns None if it is missing or wrong and not needed."""
    if not is_needed and not (run / CALIBRATION_FILE).exists():
        return None
    try:
        return read_correction(run, classes)
    except ConfigError as error:
        if is_needed:
            raise
        notify(f"probabilities are not corrected: {error}")
        return None


def _decisions(run: Path, classes: tuple[str, ...]) -> dict[str, Any]:
    """Reads `evaluation.json`; returns {} with a message if it can't be used."""
    try:
        return read_decisions(run, classes)
    except (ConfigError, CheckpointError) as error:
        notify(f"thresholds and prediction sets are left out: {error}")
        return {}
