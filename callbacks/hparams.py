"""Writes runs for the HParams dashboard of TensorBoard: table and parallel coordinates.

Each run is a session in its own `tensorboard` folder, with its settings and final status.
All scalars below that folder are its metrics.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api as hp
from tensorboard.plugins.hparams import api_pb2, summary

from ..core.differences import flatten
from .event_files import remove_events

# Settings that distinguish runs, in addition to nearly all settings of model and data.
_TRAINER_SETTINGS = ("max_epochs", "max_steps", "precision")
_OPTIMIZER_SETTINGS = (
    "learning_rate",
    "weight_decay",
    "momentum",
    "clipnorm",
    "global_clipnorm",
    "clipvalue",
    "gradient_accumulation_steps",
    "layer_decay",
)
_LEFT_OUT = {
    "model.weights",  # fingerprints
    "data.split",
    "model.image_size",  # also in `data`
    "model.num_classes",
    "data.seed",  # also `seed`
}
_RATES = ("learning_rate", "initial_learning_rate")


def hyperparameters(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that distinguish runs, by configuration name.

    Args:
        settings: The settings in `RunState`.
    """
    parts = {"optimizer": {}, "model": {}, "data": {}, "trainer": {}, **settings}
    data = dict(parts["data"])
    named = {
        "seed": parts.get("seed"),
        "optimizer": _optimizer_hyperparameters(parts["optimizer"]),
        "augmentation": data.pop("augmentation", {}),
        "model": parts["model"],
        "data": data,
        "trainer": {name: parts["trainer"].get(name) for name in _TRAINER_SETTINGS},
    }
    flat = {n: each for n, each in flatten(named).items() if n not in _LEFT_OUT}
    return {
        n: each for n, each in flat.items() if isinstance(each, bool | int | float | str)
    }


def new_writer(folder: str | Path) -> tf.summary.SummaryWriter:
    """Creates a writer of a new event file that replaces existing ones."""
    remove_events(Path(folder))
    return tf.summary.create_file_writer(str(folder))


def begin_session(name: str, values: Mapping[str, Any]) -> None:
    """Writes the settings of a run with the current writer."""
    hp.hparams(dict(values), trial_id=name)


def end_session(is_success: bool) -> None:
    """Writes the final status of a run with the current writer."""
    status = api_pb2.STATUS_SUCCESS if is_success else api_pb2.STATUS_FAILURE
    end = summary.session_end_pb(status)
    tf.summary.experimental.write_raw_pb(end.SerializeToString(), step=0)


def _optimizer_hyperparameters(serialized: Mapping[str, Any]) -> dict[str, Any]:
    config = serialized.get("config", {})
    if "inner_optimizer" in config:  # a LossScaleOptimizer
        return _optimizer_hyperparameters(config["inner_optimizer"])
    values = {name: config.get(name) for name in _OPTIMIZER_SETTINGS}
    values["name"] = serialized.get("class_name", "").lower() or None
    rate = values["learning_rate"]
    if isinstance(rate, Mapping):
        values["schedule"] = rate["config"].get("kind", rate["class_name"])
        rates = [rate["config"].get(name) for name in _RATES]
        rate = next((each for each in rates if each is not None), None)
    if rate is not None:
        values["learning_rate"] = float(f"{rate:.6g}")  # the precision of float32
    return values
