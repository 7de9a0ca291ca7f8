"""Writes what the HParams dashboard of TensorBoard shows: table and parallel coordinates.

A trial is a session in its own `tensorboard` folder; what can vary, and the score, stand
in that of the search.
"""

from pathlib import Path
from typing import Any

import keras_tuner
import tensorflow as tf
from keras_tuner.engine import hyperparameters as kinds
from tensorboard.plugins.hparams import api as hp
from tensorboard.plugins.hparams import api_pb2, summary

from ..callbacks.tensorboard import FOLDER
from .study import Trial


def write_experiment(
    directory: Path, space: keras_tuner.HyperParameters, objective: str
) -> None:
    """Writes what varies between trials, and the name of the score."""
    with _writer(directory / FOLDER).as_default():
        hp.hparams_config(
            hparams=[hp.HParam(each.name, _domain(each)) for each in space.space],
            metrics=[hp.Metric(objective)],
        )


def write_session(directory: Path, trial: Trial, objective: str) -> None:
    """Writes the values of a trial, its score, and whether it failed."""
    is_success = trial.score is not None
    status = api_pb2.STATUS_SUCCESS if is_success else api_pb2.STATUS_FAILURE
    with _writer(directory / FOLDER).as_default():
        hp.hparams(_plain(trial.values), trial_id=trial.name)
        if is_success:
            tf.summary.scalar(objective, trial.score, step=trial.best_epoch)
        end = summary.session_end_pb(status)
        tf.summary.experimental.write_raw_pb(end.SerializeToString(), step=0)


def _writer(folder: Path) -> Any:
    """A new event file in place of those that stand there already."""
    for old in folder.glob("events.out.tfevents*"):
        old.unlink()
    return tf.summary.create_file_writer(str(folder))


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


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
