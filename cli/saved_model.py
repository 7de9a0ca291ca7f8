"""Loads the model of a finished run."""

from pathlib import Path

import keras

from ..configs import RunConfig
from ..core.errors import ConfigError, message
from ..strategies import create_strategy
from ..trainer.export import CLASSES_FILE, MODEL_FILE


def load_model(run: Path, config: RunConfig) -> keras.Model:
    """Loads a run's best model onto the devices that its configuration names.

    Raises:
        ConfigError: The run has no model yet.
    """
    file = _require(run / MODEL_FILE)
    settings = config.trainer
    strategy = create_strategy(settings.strategy, settings.accelerator, settings.devices)
    with strategy.scope():
        return keras.models.load_model(file, compile=False, safe_mode=True)


def load_class_names(run: Path) -> tuple[str, ...]:
    """The classes of a run's model, in the order of its outputs.

    Raises:
        ConfigError: The run has no model yet.
    """
    return tuple(_require(run / CLASSES_FILE).read_text(encoding="utf-8").splitlines())


def _require(file: Path) -> Path:
    if not file.is_file():
        raise ConfigError(
            message(
                f"The run must be finished; it has no {file.name}.",
                run=str(file.parent),
            )
        )
    return file
