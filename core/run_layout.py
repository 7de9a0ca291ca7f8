"""The names of all files in the directories of runs, searches and folds.

All code that writes or reads one of these files imports its name from here.
"""

import re

# Settings and environment.
CONFIG_FILE = "config.yaml"
ENVIRONMENT_FILE = "environment.json"
SPLIT_FILE = "split.csv"
DROPPED_FILE = "dropped.csv"

# The course of training.
METRICS_FILE = "metrics.jsonl"
VALIDATIONS_FILE = "validations.jsonl"
EVENTS_FILE = "events.jsonl"
HEARTBEAT_FILE = "heartbeat.json"
DIVERGED_FILE = "diverged.json"
SOUP_FILE = "soup.json"
TENSORBOARD_FOLDER = "tensorboard"
# Folders below it, which TensorBoard lists as runs: problems and events of a run, and
# scores of the trials of a search.
EVENTS_PART = "events"
SCORES_PART = "scores"

# The result.
MODEL_FILE = "model.keras"
CLASSES_FILE = "classes.txt"
TEST_FILE = "test.json"
PREDICTIONS_FILE = "predictions.csv"
VALIDATION_PREDICTIONS_FILE = "validation_predictions.csv"
TTA_PREDICTIONS_FILE = "tta_predictions.csv"
CONFUSION_MATRIX_FILE = "confusion_matrix.csv"
CALIBRATION_FILE = "calibration.json"
EXPORT_FOLDER = "export"
EXPORT_DESCRIPTION_FILE = "model.json"
EXPORT_PARITY_FILE = "parity.json"
EVALUATION_FILE = "evaluation.json"
REPORT_FILE = "report.html"
MODEL_CARD_FILE = "model_card.md"

# Figures.
SAMPLES_IMAGE = "samples.png"
AUGMENTED_IMAGE = "augmented.png"
CURVES_IMAGE = "curves.png"
LEARNING_RATE_IMAGE = "learning_rate.png"
CONFUSION_MATRIX_IMAGE = "confusion_matrix.png"
MISTAKES_IMAGE = "mistakes.png"
SCATTER_IMAGE = "scatter.png"

RUN_FILES = (
    CONFIG_FILE,
    ENVIRONMENT_FILE,
    SPLIT_FILE,
    DROPPED_FILE,
    METRICS_FILE,
    VALIDATIONS_FILE,
    EVENTS_FILE,
    HEARTBEAT_FILE,
    DIVERGED_FILE,
    SOUP_FILE,
    MODEL_FILE,
    CLASSES_FILE,
    TEST_FILE,
    PREDICTIONS_FILE,
    VALIDATION_PREDICTIONS_FILE,
    TTA_PREDICTIONS_FILE,
    CONFUSION_MATRIX_FILE,
    CALIBRATION_FILE,
    EVALUATION_FILE,
    REPORT_FILE,
    MODEL_CARD_FILE,
    SAMPLES_IMAGE,
    AUGMENTED_IMAGE,
    CURVES_IMAGE,
    LEARNING_RATE_IMAGE,
    CONFUSION_MATRIX_IMAGE,
    MISTAKES_IMAGE,
    SCATTER_IMAGE,
)

# Checkpoints: `checkpoints/step-00000280`; `checkpoints/weights-00000280` with only the
# weights; `checkpoints/soup-00000280` with the mean weights of several checkpoints; files
# that name the best and the last; and the frozen variables.
CHECKPOINTS_FOLDER = "checkpoints"
BEST_FILE = "best.txt"
LAST_FILE = "last.txt"
FROZEN_FOLDER = "frozen"
SOUP = re.compile(r"soup-\d{8,}")
CHECKPOINT = re.compile(rf"(?:step|weights)-\d{{8,}}(?:-mid-epoch)?|{SOUP.pattern}")
# The files in a checkpoint, and temporary files that a killed process leaves.
CHECKPOINT_FILES = re.compile(
    r"[\w-]+\.(?:safetensors|json)|\.tmp\w+|\.[\w.-]+-\w{8}\.safetensors"
)
RESUMABLE_CHECKPOINT = re.compile(r"step-(?P<step>\d{8,})(?P<mid_epoch>-mid-epoch)?")

# Folds: a run in each of `fold-1`, `fold-2`, ...
FOLDS_FILE = "folds.json"
FOLDS_TABLE_FILE = "folds.csv"
FOLD_SCORES_FILE = "validation.json"
LABEL_DOUBTS_FILE = "label_doubts.csv"
FOLD = re.compile(r"fold-\d+")

# Ensembles.
ENSEMBLE_FILE = "ensemble.json"
ENSEMBLE_PREDICTIONS_FILE = "ensemble_predictions.csv"
ENSEMBLE_TTA_PREDICTIONS_FILE = "ensemble_tta_predictions.csv"

# A search: a run in each of `trial-000`, `trial-001`, ...
SEARCH_FILE = "search.json"
RESULTS_FILE = "results.csv"
BEST_CONFIG_FILE = "best.yaml"
CHOSEN_FILE = "chosen.json"
REFIT_FOLDER = "refit"
ENSEMBLE_FOLDER = "ensemble"
OUTER_FILE = "outer.json"
OUTER = re.compile(r"outer-\d+(?:-images)?")
FOLD_OUTCOMES_FILE = "fold_outcomes.json"
SEARCH_IMAGE = "search.png"
IMPORTANCE_FILE = "importance.csv"
TRACEBACK_FILE = "error.txt"
TRIAL = re.compile(r"trial-\d{3,}")


def checkpoint_name(step: int, is_mid_epoch: bool, weights_only: bool = False) -> str:
    """Returns the name of the directory of a checkpoint.

    Args:
        step: Number of finished steps in all epochs.
        is_mid_epoch: Whether the epoch, or the validation after it, is not finished.
        weights_only: Whether it contains only weights, so that no run can resume from it.

    Example:
        >>> checkpoint_name(280, is_mid_epoch=False)
        'step-00000280'
        >>> checkpoint_name(281, is_mid_epoch=True)
        'step-00000281-mid-epoch'
    """
    kind = "weights" if weights_only else "step"
    return f"{kind}-{step:08d}" + ("-mid-epoch" if is_mid_epoch else "")


def soup_name(step: int) -> str:
    """Returns the name of the directory of averaged checkpoints after a number of steps.

    Example:
        >>> soup_name(280)
        'soup-00000280'
    """
    return f"soup-{step:08d}"


def fold_name(number: int) -> str:
    """Returns the name of the directory of a fold, counted from 1.

    Example:
        >>> fold_name(2)
        'fold-2'
    """
    return f"fold-{number}"


def outer_name(number: int) -> str:
    """Returns the name of the directory of an outer fold, counted from 1.

    Example:
        >>> outer_name(2)
        'outer-2'
    """
    return f"outer-{number}"


def trial_name(number: int) -> str:
    """Returns the name of the directory of a trial, counted from 0.

    Example:
        >>> trial_name(7)
        'trial-007'
    """
    return f"trial-{number:03d}"
