"""Writes runs for the HParams dashboard of TensorBoard: table and parallel coordinates.

A run is a session in its own `tensorboard` folder, with its settings and how it ended. All
scalars below that folder count as its metrics.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api as hp
from tensorboard.plugins.hparams import api_pb2, summary

from ..core.differences import flatten
from .event_files import remove_events

# Settings by which people distinguish runs: nearly all of the model and the data.
_OF_TRAINER = ("max_epochs", "max_steps", "precision")
_OF_OPTIMIZER = (
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
    "model.image_size",  # the data has them, too
    "model.num_classes",
    "data.seed",
}
_RATES = ("learning_rate", "initial_learning_rate")


def hyperparameters(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run that people compare, by configuration name.

    Args:
        settings: As `RunState` has them.
    """
    parts = {"optimizer": {}, "model": {}, "data": {}, "trainer": {}, **settings}
    data = dict(parts["data"])
    named = {
        "seed": parts.get("seed"),
        "optimizer": _of_optimizer(parts["optimizer"]),
        "augmentation": data.pop("augmentation", {}),
        "model": parts["model"],
        "data": data,
        "trainer": {name: parts["trainer"].get(name) for name in _OF_TRAINER},
    }
    flat = {n: each for n, each in flatten(named).items() if n not in _LEFT_OUT}
    return {
        n: each for n, each in flat.items() if isinstance(each, bool | int | float | str)
    }


def new_writer(folder: str | Path) -> tf.summary.SummaryWriter:
    """A writer of a new event file that replaces existing ones."""
    remove_events(Path(folder))
    return tf.summary.create_file_writer(str(folder))


def begin_session(name: str, values: Mapping[str, Any]) -> None:
    """Writes the settings of a run with the current writer."""
    hp.hparams(dict(values), trial_id=name)


def end_session(is_success: bool) -> None:
    """Writes how a run ended with the current writer."""
    status = api_pb2.STATUS_SUCCESS if is_success else api_pb2.STATUS_FAILURE
    end = summary.session_end_pb(status)
    tf.summary.experimental.write_raw_pb(end.SerializeToString(), step=0)


def _of_optimizer(serialized: Mapping[str, Any]) -> dict[str, Any]:
    config = serialized.get("config", {})
    if "inner_optimizer" in config:  # which scales losses
        return _of_optimizer(config["inner_optimizer"])
    values = {name: config.get(name) for name in _OF_OPTIMIZER}
    values["name"] = serialized.get("class_name", "").lower() or None
    rate = values["learning_rate"]
    if isinstance(rate, Mapping):
        values["schedule"] = rate["config"].get("kind", rate["class_name"])
        rates = [rate["config"].get(name) for name in _RATES]
        rate = next((each for each in rates if each is not None), None)
    if rate is not None:
        values["learning_rate"] = float(f"{rate:.6g}")  # float32 has no more digits
    return values
