"""Audits the data of a run, including labels that its models doubt."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..configs import RunConfig
from ..configs.choices import CopyCheck
from ..core.errors import ConfigError, DataError, KeraunosError, message
from ..core.run_layout import CONFIG_FILE, MODEL_FILE, VALIDATION_PREDICTIONS_FILE
from ..core.shared_store import open_store
from ..data.audit.audit import Audit, audit_data
from ..data.index.folders import is_own_folder
from ..evaluation.evidence import as_labeled
from ..evaluation.label_doubts import JudgedLabels, judge_labels
from ..evaluation.predictions import Predictions
from .folds import wants_all_folds
from .out_of_fold import read_held_out, read_out_of_fold
from .run_directories import read_run_config
from .typed_command import typed
from .untrusted import with_own_cache


def find_run(folders: Sequence[Path]) -> Path | None:
    """Returns the run to audit; None if the folders are image folders.

    Raises:
        ConfigError: A run is named together with other folders.
    """
    runs = [folder for folder in folders if _is_run(folder)]
    if runs and len(folders) > 1:
        raise ConfigError(
            message(
                "A run must be audited alone: its configuration names its images.",
                f"Try {typed('audit', runs[0])}.",
                folders=" ".join(map(str, folders)),
            )
        )
    return runs[0] if runs else None


def audit_run(run: Path, check: CopyCheck, cache_dir: Path | None) -> Audit:
    """Audits the images of a run, and compares their labels with its models' predictions.

    No model judges images that it was trained on: with a directory of folds, every image
    is judged; with any other run, only the validation images.

    Args:
        run: The directory of a run or of folds.
        check: Which duplicates to look for.
        cache_dir: The cache shared by audits and runs; by default that of the run.

    Raises:
        ConfigError: The configuration can't be read.
        DataError: The images can no longer be used.
    """
    config = with_own_cache(read_run_config(run), run)
    store = open_store(cache_dir or config.cache_dir)
    found = audit_data(config.data, config.seed, store, check)
    try:
        judged = _judge_run(run, config)
    except KeraunosError as error:
        remark = f"labels in doubt: not measured: {error}"
        return replace(found, remarks=(*found.remarks, remark))
    return replace(found, labels_judged=judged)


def _is_run(folder: Path) -> bool:
    if not (folder / CONFIG_FILE).is_file():
        return False
    names = [entry.name for entry in folder.iterdir()]
    return is_own_folder(folder.name, folder.absolute().parent.name, names)


def _judge_run(run: Path, config: RunConfig) -> JudgedLabels:
    if wants_all_folds(config):
        what = f"{config.data.folds} models, each for images that it was not trained on"
        return _judge_predictions(read_out_of_fold(run), what)
    what = "a model, for its validation images only: with data.folds, all images are judged"
    if (run / VALIDATION_PREDICTIONS_FILE).exists():
        return _judge_predictions(read_held_out(run), what)
    return _judge_predictions(_predict_validation(run, config), what)


def _judge_predictions(predictions: Predictions, what: str) -> JudgedLabels:
    as_labeled(predictions)  # raises if these are not probabilities
    return judge_labels(predictions, what)


def _predict_validation(run: Path, config: RunConfig) -> Predictions:
    """Predicts the validation images of a run with its model."""
    if not (run / MODEL_FILE).exists():
        raise DataError(
            message("The run must be finished.", f"It has no {MODEL_FILE}.", run=str(run))
        )
    from .tensorflow import load_tensorflow

    load_tensorflow(config.trainer)
    from ..trainer import Trainer
    from .build import build_data
    from .saved_model import load_model

    data = build_data(config)
    if data.validation is None:
        raise DataError(
            message(
                "A run must have validation images: a model can't judge images that it was "
                "trained on.",
                run=str(run),
            )
        )
    found = Trainer().test(load_model(run, config), data.validation).predictions
    if found is None:
        raise DataError(message("A run must be one of images.", run=str(run)))
    return replace(found, names=[os.path.abspath(name) for name in found.names])
