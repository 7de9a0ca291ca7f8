"""Creates the objects of a run from recipes and settings, for use in Python."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..configs import RunConfig
from ..core.errors import suggesting_arguments
from .tensorflow import load_tensorflow

if TYPE_CHECKING:
    from ..data import ImageData
    from ..trainer import Trainer


class ConfiguredRun(NamedTuple):
    """The objects that `keraunos fit` would train with, before training.

    Attributes:
        config: All settings, including those that `effort` selects.
        data: The images.
        module: The module to train: the first argument of `Trainer.fit`.
        trainer: The Trainer with the settings of the configuration.
    """

    config: RunConfig
    data: "ImageData"
    module: Any
    trainer: "Trainer"


@suggesting_arguments(False)
def configure(*arguments: str) -> ConfiguredRun:
    """Creates data, module and Trainer from recipes, YAML files and single settings.

    With `run_dir`, the run is the same as that of `keraunos fit` with these arguments:
    each can resume what the other started. `data.folds` also needs `data.fold`.

    Args:
        *arguments: The arguments of `keraunos fit`: recipes or files, merged from left to
            right, and `key=value`, such as `"effort=best"`.

    Raises:
        ConfigError: Arguments are invalid; the message lists all problems.
        DataError: The images would spoil a run.

    Example:
        >>> arguments = "classify effort=quick data.train=synthetic:lesions"
        >>> run = configure(*arguments.split(), "data.image_size=32", "model.weights=null")
        >>> run.config.effort, run.trainer.settings.max_epochs
        ('quick', 10)
        >>> result = run.trainer.fit(run.module, run.data)  # doctest: +SKIP
    """
    from .commands.fit import read_arguments

    config, _ = read_arguments(arguments)
    load_tensorflow(config.trainer)
    from .build import build_data, build_module, build_trainer
    from .config_file import with_absolute_weights

    config = with_absolute_weights(config)  # as config.yaml has them when it is resumed
    trainer = build_trainer(config, Path(config.run_dir) if config.run_dir else None)
    trainer.check()
    data = build_data(config)
    return ConfiguredRun(config, data, build_module(config, data), trainer)
