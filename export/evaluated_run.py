"""What the evaluation of a run adds to the description of its model."""

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
    """Adds the correction of probabilities, thresholds, prediction sets and warnings.

    What is of another model, or damaged, is left out with a line that says so.

    Args:
        description: Of the model of the run.
        run: Its directory.
        calibrated: Whether the correction is applied in the graph; then there must be one.

    Raises:
        ConfigError: There is no correction of this model.
        CheckpointError: The file of the correction is damaged.
    """
    return replace(
        description,
        correction=_correction(run, tuple(description.classes), calibrated),
        applied_in_graph=calibrated,
        decisions=_decisions(run, tuple(description.classes)),
        not_for=read_not_for(run, tuple(description.classes)),
    )


def require_classification(task: Task, **asked: bool) -> None:
    """Checks that nothing is asked of an export that only classifiers have.

    Args:
        task: Of the run.
        **asked: The requests by name, such as `calibrated=True`.

    Raises:
        ConfigError: Something is.
    """
    wanted = [name for name, is_wanted in asked.items() if is_wanted]
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
    """Adds what the test of a run has chosen for other tasks than classification.

    Args:
        description: Of the model of the run.
        run: Its directory. Without a test there are neither thresholds nor intervals.

    Raises:
        CheckpointError: The file of the test is damaged.
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
    """What `calibration.json` holds; where it is only described, there may be none."""
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
    """What `evaluation.json` holds."""
    try:
        return read_decisions(run, classes)
    except (ConfigError, CheckpointError) as error:
        notify(f"thresholds and prediction sets are left out: {error}")
        return {}
