"""Saves the configuration of a run in its run directory."""

from typing import Any

from ..callbacks import Callback, RunState
from ..configs import ModelConfig, RunConfig, to_yaml
from ..configs.backbone import HUB, is_of_hub
from ..configs.weights import IMAGENET
from ..core.checked_files import write_checked_text
from ..core.run_layout import CONFIG_FILE
from ..core.user_path import user_path
from ..data.synthetic.folder import NAME as SYNTHETIC

_PLACES = ("train", "validation", "test", "image_root", "split")


class ConfigFile(Callback):
    """Writes config.yaml to the run directory, for the run to be resumed or repeated.

    Args:
        config: The complete configuration.

    Example:
        >>> callback = ConfigFile(RunConfig(seed=1))
    """

    chief_only = True

    def __init__(self, config: RunConfig) -> None:
        self.config = portable(config)

    def on_fit_begin(self, run: RunState) -> None:
        """Writes the file."""
        if run.run_dir is not None:
            write_checked_text(run.run_dir / CONFIG_FILE, to_yaml(self.config))


def portable(config: RunConfig) -> RunConfig:
    """Returns the configuration with absolute paths and without its run directory."""
    return with_absolute_paths(config).model_copy(update={"run_dir": None})


def with_absolute_paths(config: RunConfig) -> RunConfig:
    """Returns the configuration with absolute paths of data and weights."""
    places = {name: getattr(config.data, name) for name in _PLACES}
    absolute: dict[str, Any] = {
        name: _absolute(place)
        for name, place in places.items()
        if place is not None and place != SYNTHETIC
    }
    if config.data.metadata is not None:
        absolute["metadata"] = list(map(_absolute, config.data.metadata))
    data = config.data.model_copy(update=absolute)
    return with_absolute_weights(config.model_copy(update={"data": data}))


def _absolute(place: str) -> str:
    return str(user_path(place).absolute())


def with_absolute_weights(config: RunConfig) -> RunConfig:
    """Returns the configuration with absolute paths of weights and preset."""
    return config.model_copy(update={"model": _with_places(config.model)})


def _with_places(model: ModelConfig) -> ModelConfig:
    absolute = {}
    if model.weights not in (None, IMAGENET):
        absolute["weights"] = str(user_path(str(model.weights)).absolute())
    directory = user_path(model.backbone.removeprefix(HUB))
    if is_of_hub(model.backbone) and directory.is_dir():
        absolute["backbone"] = f"{HUB}{directory.absolute()}"
    # Settings that were not set stay unset: a builder excludes all others.
    return model.model_copy(update=absolute) if absolute else model
