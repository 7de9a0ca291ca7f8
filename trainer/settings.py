"""Collects the settings of a run that influence its result."""

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
    """Collects the settings of a run, which are stored with its checkpoints.

    Args:
        model: The model, built and compiled.
        module: The module that built it.
        data: The data passed to `Trainer.fit`.
        num_batches: Batches per epoch or None; identifies data without settings.
        trainer: Settings of the Trainer.
        seed: Seed of the Trainer.

    Returns:
        JSON-serializable values, in a dict for each part of the run.
    """
    shapes = [(stable_name(variable), list(variable.shape)) for variable in model.weights]
    settings = {
        "seed": seed,
        "trainer": trainer.model_dump(),
        "optimizer": _without_names(keras.optimizers.serialize(model.optimizer)),
        "model": module.settings() | {"weights": sha256_of_json(shapes)},
        "data": _data_settings(data, num_batches),
    }
    return dict(redacted(json.loads(json.dumps(settings, default=str))))


def settings_of_fit(
    feature_cache: str, class_weight: Mapping[int, float] | None, initial_weights: Any
) -> dict[str, Any]:
    """Collects the arguments of `Trainer.fit` that influence the result, except None."""
    settings: dict[str, Any] = {"feature_cache": feature_cache}
    if class_weight is not None:
        settings["class_weight"] = {str(n): each for n, each in class_weight.items()}
    if initial_weights is not None:
        settings["initial_weights"] = str(initial_weights)
    return settings


def _data_settings(data: Any, num_batches: int | None) -> dict[str, Any]:
    if isinstance(data, HasSettings):
        return data.settings()
    return {"num_batches": num_batches}


def _without_names(config: Any) -> Any:
    """Removes the names of optimizers, which Keras numbers per process."""
    if not isinstance(config, dict):
        return config
    return {key: _without_names(each) for key, each in config.items() if key != "name"}
