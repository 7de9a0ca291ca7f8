"""A run as recipes and settings describe it, for programs in Python."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..configs import RunConfig
from .tensorflow import load_tensorflow

if TYPE_CHECKING:
    from ..data import ImageData
    from ..trainer import Trainer


class ConfiguredRun(NamedTuple):
    """What `keraunos fit` would train, and how, with nothing trained yet.

    Attributes:
        config: All settings, with those that the effort stands for.
        data: The images.
        module: What is trained: the first argument of `Trainer.fit`.
        trainer: Trains it.
    """

    config: RunConfig
    data: "ImageData"
    module: Any
    trainer: "Trainer"


def configure(*arguments: str) -> ConfiguredRun:
    """Makes data, module and Trainer of recipes, YAML files and single settings.

    A run in `run_dir` is the one that the command line makes of the same arguments:
    either continues with the other's. Of folds it takes one, named by `data.fold`.

    Args:
        *arguments: What is typed after `keraunos fit`: recipes or files, merged from left
            to right, and `key=value`, such as `"effort=best"`.

    Raises:
        ConfigError: Something in them is wrong; all is named.
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
