"""`keraunos fit`: train, validating as it goes, then test."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..configs import RunConfig, load_config, split_arguments
from ..core.errors import ConfigError, message
from .console import say, show
from .run_directories import run_directory, run_name
from .tensorflow import load_tensorflow

if TYPE_CHECKING:
    from ..data import ImageData
    from ..trainer import FitResult, Trainer

ConfigArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="CONFIG... [KEY=VALUE...]",
        help="Recipes or YAML files, merged from left to right, then single settings.",
        show_default=False,
    ),
]


def fit(
    arguments: ConfigArguments,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, train nothing.")
    ] = False,
) -> None:
    """Train a model, validating as it goes, and test it if there is a test split."""
    config, name = read_arguments(arguments)
    load_tensorflow(config.trainer)
    if dry_run:
        _check(config)
    elif config.trainer.fast_dev_run:
        _train(config, None)
        say("One batch of each kind went through. Nothing was written.")
    else:
        with run_directory(config.run_dir, name) as run_dir:
            _train(config, run_dir)


def read_arguments(arguments: list[str]) -> tuple[RunConfig, str]:
    """The configuration that a command was given, and a name for the run.

    Raises:
        ConfigError: Something in it is wrong; all is named.
    """
    sources, overrides = split_arguments(arguments)
    if not sources:
        raise ConfigError(
            message(
                "A recipe or a YAML file is needed.",
                "Try quickstart, or see `keraunos recipes`.",
                arguments=arguments,
            )
        )
    return load_config(sources, overrides), run_name(sources[-1])


def _check(config: RunConfig) -> None:
    """Does all that comes before the first step, and writes nothing."""
    from .build import build_data, build_module, build_trainer

    run_dir = Path(config.run_dir) if config.run_dir else None
    data = build_data(config)
    trainer = build_trainer(config, run_dir)
    for line in trainer.describe(build_module(config, data), data):
        say(line)
    say("Everything is in order. Nothing was trained or written.")


def _train(config: RunConfig, run_dir: Path | None) -> None:
    from .build import build_data, build_module, build_trainer

    data = build_data(config)
    module = build_module(config, data)
    trainer = build_trainer(config, run_dir)
    result = trainer.fit(module, data)
    if run_dir is not None:
        _report(trainer, result, data, run_dir)


def _report(
    trainer: "Trainer", result: "FitResult", data: "ImageData", run_dir: Path
) -> None:
    """Tests the best model, and says where everything is."""
    from .scores import show_scores

    if data.test is not None:
        show_scores("test", trainer.test(result.model, data).scores)
    show(f"run directory: {run_dir}")
    show(f"look at it with: tensorboard --logdir {run_dir.parent}")
