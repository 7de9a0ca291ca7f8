"""`keraunos fit`: train, validating as it goes, then test."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..configs import RunConfig, callback_class, load_config, split_arguments
from ..core.errors import ConfigError, message
from .console import say, show
from .run_directories import CONFIG_FILE, read_run_config, run_directory, run_name
from .tensorflow import load_tensorflow

if TYPE_CHECKING:
    from ..data import ImageData
    from ..trainer import FitResult, Trainer

_ARGUMENTS = typer.Argument(
    metavar="CONFIG... [KEY=VALUE...]",
    help="Recipes or YAML files, merged from left to right, then single settings.",
    show_default=False,
)
ConfigArguments = Annotated[list[str], _ARGUMENTS]


def fit(
    arguments: Annotated[list[str] | None, _ARGUMENTS] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, train nothing.")
    ] = False,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Go on with a run, as it was configured."),
    ] = None,
) -> None:
    """Train a model, validating as it goes, and test it if there is a test split."""
    if resume is None:
        config, name = read_arguments(arguments or [])
    else:
        config, name = read_resumed_arguments(resume, arguments or []), ""
    load_tensorflow(config.trainer)
    if dry_run:
        _check(config)
    elif config.trainer.fast_dev_run:
        _train(config, None)
        say("One batch of each kind went through. Nothing was written.")
    else:
        with run_directory(config.run_dir, name) as run_dir:
            _train(config, run_dir)


def read_arguments(arguments: Sequence[str]) -> tuple[RunConfig, str]:
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
                arguments=list(arguments),
            )
        )
    return load_config(sources, overrides), run_name(sources[-1])


def read_resumed_arguments(run: Path, arguments: Sequence[str]) -> RunConfig:
    """The configuration of a run that goes on, with single settings changed.

    Raises:
        ConfigError: There is no such run, or it names code to import, which is only
            done for what is typed.
    """
    sources, overrides = split_arguments(arguments)
    if sources:
        raise ConfigError(
            message(
                "--resume goes on with the configuration of the run.",
                f"Leave {sources[0]} out, or type `keraunos fit {' '.join(sources)} "
                f"run_dir={run}`.",
                arguments=sources,
            )
        )
    config = read_run_config(run, [*overrides, f"run_dir={run}"])
    imported = _imported_names(config)
    if imported:
        raise ConfigError(
            message(
                "--resume imports no code that only the run's own files name.",
                f"Type `keraunos fit CONFIG run_dir={run}` instead.",
                imported=imported,
            )
        )
    return config


def _imported_names(config: RunConfig) -> list[str]:
    """The user's own classes and functions that a configuration names."""
    foreign = [
        name
        for label, options in config.callbacks.items()
        if ":" in (name := callback_class(label, options or {})[0])
    ]
    return [config.model.builder, *foreign] if config.model.builder else foreign


def _check(config: RunConfig) -> None:
    """Does all that comes before the first step, and writes nothing."""
    from .build import build_data, build_module, build_trainer

    run_dir = Path(config.run_dir) if config.run_dir else None
    trainer = build_trainer(config, run_dir)
    trainer.check()
    data = build_data(config)
    for line in trainer.describe(build_module(config, data), data):
        say(line)
    say("Everything is in order. Nothing was trained or written.")


def _train(config: RunConfig, run_dir: Path | None) -> None:
    from .build import build_data, build_module, build_trainer

    trainer = build_trainer(config, run_dir)
    trainer.check()
    data = build_data(config)
    module = build_module(config, data)
    result = trainer.fit(module, data)
    if not result.is_finished:
        _say_how_to_go_on(result, config)
    elif run_dir is not None:
        _report(trainer, result, data, run_dir)


def _say_how_to_go_on(result: "FitResult", config: RunConfig) -> None:
    """Ends the process as the signal would have, but with the state saved."""
    run = result.run_dir
    if run is None or not (run / CONFIG_FILE).exists():
        say(f"stopped ({result.stop_reason}) before the first step: nothing is saved.")
    else:
        say(f"stopped ({result.stop_reason}), and the state is saved. Go on with:")
        again = f"CONFIG run_dir={run}" if _imported_names(config) else f"--resume {run}"
        say(f"  keraunos fit {again}")
    if result.signal is not None:
        raise typer.Exit(128 + result.signal)


def _report(
    trainer: "Trainer", result: "FitResult", data: "ImageData", run_dir: Path
) -> None:
    """Tests the best model, and says where everything is."""
    from .scores import show_scores

    if data.test is not None:
        show_scores("test", trainer.test(result.model, data).scores)
    show(f"run directory: {run_dir}")
    show(f"look at it with: tensorboard --logdir {run_dir.parent}")
