"""Finds and checks the members of an ensemble, without loading TensorFlow."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..configs import RunConfig
from ..configs.choices import Task
from ..core.errors import ConfigError, message
from ..core.run_layout import (
    CONFIG_FILE,
    MODEL_FILE,
    TRIAL,
    fold_name,
)
from .folds import wants_all_folds
from .output_file import writing
from .run_directories import model_of_search, read_run_config
from .typed_command import typed
from .untrusted import with_own_cache

if TYPE_CHECKING:
    from ..data import ImageData


@dataclass(frozen=True)
class Member:
    """A run whose model is part of an ensemble.

    Attributes:
        name: A name that is unique in the ensemble.
        run: The run directory.
        config: The configuration of the run.
    """

    name: str
    run: Path
    config: RunConfig


def find_members(runs: Sequence[Path], settings: Sequence[str] = ()) -> list[Member]:
    """Returns the runs as members; a directory of folds becomes the run of each fold.

    Args:
        runs: Run directories.
        settings: Single settings, as `key=value`, that override those of the runs.

    Raises:
        ConfigError: A directory is not a run, is named twice, or has unfinished folds.
    """
    found = [each for run in runs for each in _members_of(run, settings)]
    places = Counter(os.path.realpath(run) for run, _ in found)
    twice = [str(run) for run, _ in found if places[os.path.realpath(run)] > 1]
    if twice:
        raise ConfigError(
            message("Each member of an ensemble must be named once.", runs=" ".join(twice))
        )
    names = Counter(run.name for run, _ in found)
    return [
        Member(run.name if names[run.name] == 1 else str(run), run, config)
        for run, config in found
    ]


def _members_of(run: Path, settings: Sequence[str]) -> list[tuple[Path, RunConfig]]:
    config = read_run_config(run, settings)
    if not wants_all_folds(config):
        return [(run, config)]
    folds = [run / fold_name(n) for n in range(1, (config.data.folds or 0) + 1)]
    unfinished = [each.name for each in folds if not (each / MODEL_FILE).is_file()]
    if unfinished:
        _refuse_dropped(run)
        raise ConfigError(
            message(
                f"All folds must be finished; {', '.join(unfinished)} have no "
                f"{MODEL_FILE}.",
                f"Finish them: {typed('fit', run / CONFIG_FILE, f'run_dir={run}')}",
                run=str(run),
            )
        )
    return [(each, read_run_config(each, settings)) for each in folds]


def _refuse_dropped(run: Path) -> None:
    """Rejects a trial whose models its search did not keep."""
    found = model_of_search(run.parent)
    if TRIAL.fullmatch(run.name) and found is not None and found != run:
        raise ConfigError(
            message(
                f"{run.name} has no models: its search keeps those of search.keep trials.",
                f"Try {found}.",
                run=str(run),
            )
        )


def require_honest_split(members: Sequence[Member], split: str) -> None:
    """Checks that no member was trained on the images to score.

    Raises:
        ConfigError: A member was trained on them.
    """
    folds = {(each.config.data.folds, each.config.data.fold) for each in members}
    if split == "validation" and len(folds) > 1:
        raise ConfigError(
            message(
                "Folds together can be scored on test images only: the validation images "
                "of one fold are training images of the others.",
                "Score each fold on its own, as folds.json does, or leave --split out.",
                split=split,
                runs=" ".join(each.name for each in members),
            )
        )


def output_directory(
    runs: Sequence[Path], members: Sequence[Member], split: str, output: Path | None
) -> Path | None:
    """Returns the directory for the files of an ensemble.

    Returns:
        `output`, or the directory of the folds. None if nothing is written: for several
        runs, and for validation images, whose files must not replace those of the test.

    Raises:
        ConfigError: The directory is inside that of a member, or can't be written.
    """
    if output is None:
        return runs[0] if len(runs) == 1 and split == "test" else None
    with writing(output) as directory:
        inside = [m for m in members if directory.is_relative_to(os.path.realpath(m.run))]
        if inside:
            raise ConfigError(
                message(
                    "The files of an ensemble must lie outside of its members.",
                    "Name another folder.",
                    output=str(output),
                    member=str(inside[0].run),
                )
            )
        directory.mkdir(parents=True, exist_ok=True)
    return directory


def read_data(member: Member) -> "ImageData":
    """Reads the images of a run, with the user's cache unless that of the run is trusted.

    Raises:
        DataError: The images can't be read.
    """
    from .build import build_data

    return build_data(with_own_cache(member.config, member.run))


def read_split(member: Member, split: str) -> Any:
    """Reads the test or validation images of a run.

    Raises:
        ConfigError: The run has no such split.
        DataError: The images can't be read.
    """
    from ..trainer.setup.sources import split_of

    return split_of(read_data(member), split)


def require_images(paths: Sequence[Path]) -> None:
    """Checks that no path of an image is a run.

    Raises:
        ConfigError: A path is a run directory.
    """
    runs = [str(path) for path in paths if (path / CONFIG_FILE).is_file()]
    if runs:
        raise ConfigError(
            message(
                "After RUN, images are expected, but these are runs.",
                "Name further members of an ensemble with --ensemble RUN.",
                runs=" ".join(runs),
            )
        )


def task_of(members: Sequence[Member]) -> Task:
    """Returns the task of the members.

    Raises:
        ConfigError: The members have different tasks.
    """
    tasks = {member.config.task for member in members}
    if len(tasks) > 1:
        raise ConfigError(
            message(
                "The members of an ensemble must have the same task.",
                members=" ".join(member.name for member in members),
                task=" ".join(sorted(tasks)),
            )
        )
    return members[0].config.task
