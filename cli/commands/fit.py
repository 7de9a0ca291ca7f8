"""`keraunos fit`: train and validate, then test."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from ...configs import RunConfig, load_config, split_arguments, typed_values
from ...configs.backbone import is_of_hub
from ...configs.hub_presets import find_preset
from ...configs.weights import find_weights
from ...core.cluster import Cluster, find_cluster
from ...core.errors import ConfigError, message
from ...core.redaction import HIDDEN, hidden_names
from ...core.secret import find_token
from ..completions import complete_configuration
from ..console import notify, use_format
from ..folds import (
    one_fold,
    refuse_seen_images_of_folds,
    train_folds,
    wants_all_folds,
)
from ..run_directories import read_run_config, run_directory, run_name
from ..setting_arguments import require_no_directories
from ..shown_test import show_folds_test
from ..tensorflow import load_tensorflow
from ..training import show_next_commands, test, train
from ..typed_command import typed
from ..untrusted import only_in_files

_ARGUMENTS = typer.Argument(
    metavar="CONFIG... [KEY=VALUE...]",
    help="Recipes or YAML files, merged from left to right, followed by single settings.",
    show_default=False,
    autocompletion=complete_configuration,
)
ConfigArguments = Annotated[list[str], _ARGUMENTS]


def fit(
    arguments: Annotated[list[str] | None, _ARGUMENTS] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything without training.")
    ] = False,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Resume a run with its own configuration."),
    ] = None,
    log_format: Annotated[
        Literal["text", "json"], typer.Option(help="Format of the log lines.")
    ] = "text",
) -> None:
    """Train and validate a model, then test it.

    The test is skipped if there are no test images.
    """
    use_format(log_format)
    if resume is None:
        config, name = read_arguments(arguments or [])
    else:
        config, name = read_resumed_arguments(resume, arguments or []), ""
    _require_views(config)
    cluster = find_cluster()
    has_workers = cluster is not None and len(cluster.addresses) > 1
    if cluster is not None and has_workers and not dry_run:
        _check_for_several_workers(config, cluster)
    # What TensorFlow logs about a lost worker would tear the panel on a terminal.
    load_tensorflow(config.trainer, is_quiet=has_workers and sys.stderr.isatty())
    # A dry run checks the first fold on behalf of all.
    tried = one_fold(config, 1) if wants_all_folds(config) else config
    if dry_run:
        _check(tried)
        if wants_all_folds(config):
            refuse_seen_images_of_folds(config)
        notify("Everything is in order. Nothing was trained or written.")
    elif config.trainer.fast_dev_run:
        train(tried, None)
        notify("One training batch and one validation batch ran. Nothing was written.")
    else:
        with run_directory(config.run_dir, name) as run_dir:
            _train(config, run_dir)


def _train(config: RunConfig, run_dir: Path) -> None:
    if wants_all_folds(config):
        train_folds(config, run_dir)
        if config.evaluation.ensemble:
            show_folds_test(run_dir, config.evaluation.tta)
    else:
        test(train(config, run_dir), config.evaluation.tta)
        show_next_commands(run_dir, config)


def read_arguments(arguments: Sequence[str]) -> tuple[RunConfig, str]:
    """Returns the configuration that a command was given, and a name for the run.

    Raises:
        ConfigError: Something in it is invalid; the message lists all of them.
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
    require_no_directories(sources)
    config = load_config(sources, overrides)
    _require_secrets(config)
    _require_network(config)
    return config, run_name(sources[-1])


def read_resumed_arguments(run: Path, arguments: Sequence[str]) -> RunConfig:
    """Returns the configuration of a run to resume, with single settings changed.

    Raises:
        ConfigError: There is no such run, or it names code to import, or a place or an
            address elsewhere, which is only done for what is typed.
    """
    sources, overrides = split_arguments(arguments)
    if sources:
        raise ConfigError(
            message(
                "--resume uses the configuration of the run.",
                f"Leave out {sources[0]}, or run "
                f"`{typed('fit', *sources, f'run_dir={run}')}`.",
                arguments=sources,
            )
        )
    config = read_run_config(run, [*overrides, f"run_dir={run}"])
    _require_secrets(config)
    _require_network(config)
    named = only_in_files(config, typed_values(overrides), run)
    if named:
        raise ConfigError(
            message(
                "--resume imports no code, runs no command, sends nothing and writes "
                "nowhere outside the run if only the run's own files request it.",
                f"Type `{typed('fit', 'CONFIG', f'run_dir={run}')}` instead, or these "
                "settings with all their options behind --resume.",
                **named,
            )
        )
    return config


def _require_secrets(config: RunConfig) -> None:
    """Checks that no setting is a secret that was not saved."""
    names = hidden_names(config.model_dump())
    if names:
        raise ConfigError(
            message(
                "A value that looks like a secret is not stored with a run and must be "
                "given again.",
                f"Add {names[0]}=VALUE.",
                **dict.fromkeys(names, HIDDEN),
            )
        )


def _require_views(config: RunConfig) -> None:
    """Checks that test-time augmentation has different views to average."""
    if config.evaluation.tta is not None and config.augmentation.strength == 0:
        raise ConfigError(
            message(
                "`evaluation.tta` averages over views of an image, which are all the same "
                "with augmentation.strength=0.",
                "Set augmentation.strength above 0, or evaluation.tta=null.",
                **{"evaluation.tta": config.evaluation.tta},
            )
        )


def _require_network(config: RunConfig) -> None:
    """Checks that preset and weights exist, as far as possible without loading them."""
    model = config.model
    if model.builder is not None:
        return
    if is_of_hub(model.backbone):
        find_preset(model.backbone)
    find_weights(model.backbone, model.weights)


def _check_for_several_workers(config: RunConfig, cluster: Cluster) -> None:
    if config.run_dir is None:
        raise ConfigError(
            message(
                "`run_dir` must be named if several workers train together.",
                "Add run_dir=runs/NAME; the same command then resumes the run.",
                run_dir=None,
            )
        )
    if wants_all_folds(config):
        raise ConfigError(
            message(
                "Several workers train one fold at a time.",
                "Add data.fold=1, and run the command again for each other fold.",
                **{"data.folds": config.data.folds},
            )
        )
    find_token(cluster.hosts)


def _check(config: RunConfig) -> None:
    """Runs everything before the first step, and writes nothing."""
    from ..build import build_data, build_module, build_trainer

    run_dir = Path(config.run_dir) if config.run_dir else None
    trainer = build_trainer(config, run_dir)
    trainer.check()
    data = build_data(config)
    for line in trainer.describe(build_module(config, data), data):
        notify(line)
