"""Writes the data of TensorBoard's HParams dashboard.

A trial is a session in its own `tensorboard` folder. The search space and the name of the
score are in that of the search.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras_tuner.engine import hyperparameters as kinds
from tensorboard.plugins.hparams import api as hp

from ...callbacks.hparams import begin_session, end_session, new_writer
from ...core.files import own_directory
from ...core.run_layout import TENSORBOARD_FOLDER
from ...strategies.tensorflow_internals import summaries_written_to

STANDARD_ERROR = "standard_error"


def write_experiment(
    directory: Path,
    space: keras_tuner.HyperParameters,
    objective: str,
    has_errors: bool = False,
    image: npt.NDArray[np.uint8] | None = None,
) -> None:
    """Writes the search space and the name of the score.

    Args:
        directory: Directory of the search.
        space: The search space.
        objective: Name of the score.
        has_errors: Whether scores have a standard error.
        image: The figure of the search, `(height, width, 3)` uint8, or None.
    """
    metrics = [objective, *([STANDARD_ERROR] if has_errors else [])]
    with summaries_written_to(new_writer(own_directory(directory / TENSORBOARD_FOLDER))):
        hp.hparams_config(
            hparams=[hp.HParam(each.name, _domain(each)) for each in space.space],
            metrics=[hp.Metric(name) for name in metrics],
        )
        if image is not None:
            tf.summary.image("search", image[None], step=0)


def write_session(
    directory: Path,
    name: str,
    values: Mapping[str, Any],
    score: tuple[str, float, int] | None,
    standard_error: float | None = None,
) -> None:
    """Writes the values of a trial, its score, and whether it failed.

    Args:
        directory: Directory of the trial.
        name: Name of the trial.
        values: Values by hyperparameter.
        score: Name, value and epoch of the score; None if the trial failed.
        standard_error: Standard error of the score over folds, or None.
    """
    plain = {key: value for key, value in values.items() if value is not None}
    with summaries_written_to(new_writer(own_directory(directory / TENSORBOARD_FOLDER))):
        begin_session(name, plain)
        if score is not None:
            metric, value, epoch = score
            tf.summary.scalar(metric, value, step=epoch)
            if standard_error is not None:
                tf.summary.scalar(STANDARD_ERROR, standard_error, step=epoch)
        end_session(is_success=score is not None)


def _domain(parameter: Any) -> hp.Domain:
    if isinstance(parameter, kinds.Boolean):
        return hp.Discrete([False, True])
    if isinstance(parameter, kinds.Float):
        return hp.RealInterval(float(parameter.min_value), float(parameter.max_value))
    if isinstance(parameter, kinds.Int):
        return hp.IntInterval(int(parameter.min_value), int(parameter.max_value))
    if isinstance(parameter, kinds.Fixed):
        return hp.Discrete([parameter.value])
    return hp.Discrete(list(parameter.values))
