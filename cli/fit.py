"""`keraunos fit`: train, validating as it goes, then test."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..configs import RunConfig, callback_class, load_config, split_arguments
from ..core.cluster import has_several_workers
from ..core.errors import ConfigError, message
from .console import say, show, use_format
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
    log_format: Annotated[
        Literal["text", "json"], typer.Option(help="Of what is said while training.")
    ] = "text",
) -> None:
    """Train a model, validating as it goes, and test it if there is a test split."""
    use_format(log_format)
    if resume is None:
        config, name = read_arguments(arguments or [])
    else:
        config, name = read_resumed_arguments(resume, arguments or []), ""
    if has_several_workers() and config.run_dir is None and not dry_run:
        raise _unnamed_directory()
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


def _unnamed_directory() -> ConfigError:
    return ConfigError(
        message(
            "`run_dir` must be named where several workers train together.",
            "Add run_dir=runs/NAME; with it, the same command goes on after a stop.",
            run_dir=None,
        )
    )


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
    from ..strategies import current_workers
    from .build import build_data, build_module, build_trainer

    trainer = build_trainer(config, run_dir)
    trainer.check()
    with current_workers().together():
        data = build_data(config)
        result = trainer.fit(build_module(config, data), data)
        if result.is_finished and run_dir is not None:
            _report(trainer, result, data, run_dir)
    if not result.is_finished:
        _say_how_to_go_on(result, config)


def _say_how_to_go_on(result: "FitResult", config: RunConfig) -> None:
    """Ends the process as the signal would have, but with the state saved."""
    from ..strategies import current_workers

    run = result.run_dir
    if not current_workers().is_chief:
        pass
    elif run is None or not (run / CONFIG_FILE).exists():
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
    from ..strategies import current_workers
    from .scores import show_scores

    tested = None if data.test is None else trainer.test(result.model, data)
    if not current_workers().is_chief:
        return
    if tested is not None:
        show_scores("test", tested.scores)
    show(f"run directory: {run_dir}")
    show(f"look at it with: tensorboard --logdir {run_dir.parent}")
