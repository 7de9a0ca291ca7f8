"""What a run was asked to do, as far as it decides what comes out."""

import json
from collections.abc import Mapping
from typing import Any

import keras

from ..configs import TrainerConfig
from ..core.files import sha256_of_json
from ..core.redaction import redacted
from ..models import Module
from ..models.variables import stable_name
from .contracts import HasSettings


def run_settings(
    model: keras.Model,
    module: Module,
    data: Any,
    num_batches: int | None,
    trainer: TrainerConfig,
    seed: int,
) -> dict[str, Any]:
    """Collects the settings of a run, to be kept with its checkpoints.

    Args:
        model: Built and compiled.
        module: Where it came from.
        data: As `Trainer.fit` was given it.
        num_batches: Per epoch, if known: all that a dataset tells of itself.
        trainer: Settings of the Trainer.
        seed: Of the Trainer.

    Returns:
        Values that JSON can hold, in a dict for each part of the run.
    """
    shapes = [(stable_name(variable), list(variable.shape)) for variable in model.weights]
    settings = {
        "seed": seed,
        "trainer": trainer.model_dump(),
        "optimizer": _without_names(keras.optimizers.serialize(model.optimizer)),
        "model": module.settings() | {"weights": sha256_of_json(shapes)},
        "data": _of_data(data, num_batches),
    }
    return dict(redacted(json.loads(json.dumps(settings, default=str))))


def settings_of_fit(
    feature_cache: str, class_weight: Mapping[int, float] | None, initial_weights: Any
) -> dict[str, Any]:
    """What else decides what comes out; those that were not asked for are left out."""
    settings: dict[str, Any] = {"feature_cache": feature_cache}
    if class_weight is not None:
        settings["class_weight"] = {str(n): each for n, each in class_weight.items()}
    if initial_weights is not None:
        settings["initial_weights"] = str(initial_weights)
    return settings


def _of_data(data: Any, num_batches: int | None) -> dict[str, Any]:
    if isinstance(data, HasSettings):
        return data.settings()
    return {"num_batches": num_batches}


def _without_names(config: Any) -> Any:
    """Leaves out the names of optimizers, which Keras counts per process."""
    if not isinstance(config, dict):
        return config
    return {key: _without_names(each) for key, each in config.items() if key != "name"}
