"""Finishes a search: refits the winner on all images, or ensembles its folds."""

import itertools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..configs import RunConfig
from ..configs.choices import SearchFinish
from ..core.checked_files import is_damaged, read_checked_json
from ..core.errors import ConfigError, message
from ..core.files import own_directory, read_text
from ..core.removal import remove_unfinished, unfinished
from ..core.run_layout import (
    CHOSEN_FILE,
    ENSEMBLE_FILE,
    ENSEMBLE_FOLDER,
    MODEL_FILE,
    REFIT_FOLDER,
    TENSORBOARD_FOLDER,
    TEST_FILE,
    fold_name,
)
from .console import notify, show
from .divided_images import read_index
from .ensembles import find_members, read_data, read_split
from .shown_test import show_ensemble_test, show_test
from .training import fit, test
from .typed_command import typed_again

if TYPE_CHECKING:
    from ..search.study import Trial

Scores = dict[str, Any]

_UNFINISHED = unfinished(r"ensemble\w*\.(?:json|csv)")


def finish_search(
    how: SearchFinish, best: RunConfig, trial: "Trial", directory: Path
) -> Scores | None:
    """Refits or ensembles the winner as requested, unless this is done already.

    Args:
        how: `refit`, `ensemble` or `none`.
        best: The configuration of the winner.
        trial: The winner.
        directory: The directory of the search.

    Returns:
        Scores on test images, as in test.json; None without test images, or if `how` is
        `none`.

    Raises:
        typer.Exit: The refit was interrupted; the same command continues.
        ConfigError: The models of the winner are missing.
    """
    if how == "refit":
        return _refit(best, trial, directory)
    return _test_ensemble(trial, directory) if how == "ensemble" else None


def test_winner(trial: "Trial", directory: Path) -> Scores | None:
    """Scores the winner on test images: its model, or the ensemble of its folds."""
    if trial.fold_scores:
        return _test_ensemble(trial, directory)
    from ..trainer import Trainer
    from ..trainer.checkpoint.run_directory import claimed_directory
    from .saved_model import load_model

    _require_models(trial, directory)
    (member,) = find_members([directory / trial.name])
    images = read_split(member, "test")
    model = load_model(member.run, member.config)
    with claimed_directory(member.run):  # which removes what a killed process left
        result = Trainer(run_dir=member.run).test(model, images)
    show_test("test", result)
    return result.scores


def _refit(best: RunConfig, trial: "Trial", directory: Path) -> Scores | None:
    from ..data.index.image_index import TEST
    from ..search.refit_config import epochs_to_refit, refit_config
    from ..search.trial_config import without_alerts

    epochs = epochs_to_refit(trial)
    config = without_alerts(refit_config(best, epochs))
    is_test = read_index(config).index.splits == TEST
    run_dir = directory / REFIT_FOLDER
    if not _is_refitted(run_dir, has_test=bool(is_test.any())):
        count = int((~is_test).sum())
        notify(f"refit: {trial.name} on all {count:,} images, to epoch {epochs}: {run_dir}")
        _train_and_test(config, run_dir, directory)
    show(f"refitted on all images: {run_dir}")
    file = run_dir / TEST_FILE
    return read_checked_json(file) if file.exists() else None


def _train_and_test(config: RunConfig, run_dir: Path, directory: Path) -> None:
    from ..callbacks.event_files import remove_events

    restore_gpus()
    run = fit(config, run_dir)
    if not run.result.is_finished:
        raise interrupted(directory, run.result.signal)
    # Trials show the winner on the HParams dashboard, where a refit would have no score;
    # its layout would come before that of the search.
    remove_events(run_dir / TENSORBOARD_FOLDER)
    test(run, config.evaluation.tta)


def interrupted(directory: Path, signal: int | None) -> typer.Exit:
    """Shows how to resume a search that was stopped; returns the exit to raise."""
    notify("stopped, and the state is saved. Resume with:")
    notify(f"  {typed_again(f'run_dir={directory}')}")
    return typer.Exit(0 if signal is None else 128 + signal)


def _is_refitted(run_dir: Path, has_test: bool) -> bool:
    wanted = [MODEL_FILE, *([TEST_FILE] if has_test else [])]
    return all((run_dir / n).exists() and not is_damaged(run_dir / n) for n in wanted)


def set_aside_refit(directory: Path, chosen: str) -> None:
    """Renames the refit of an earlier winner, now that another trial has won.

    Args:
        directory: The directory of the search; chosen.json still names the earlier winner.
        chosen: The name of the current winner.
    """
    refit, note = directory / REFIT_FOLDER, directory / CHOSEN_FILE
    if not refit.is_dir() or not note.exists():
        return
    before = str(json.loads(read_text(note)).get("trial"))
    if before != chosen:
        names = (f"{REFIT_FOLDER}-of-{before}{n or ''}" for n in itertools.count(0, -1))
        free = next(p for p in map(directory.joinpath, names) if not p.exists())
        os.replace(refit, free)
        notify(f"{chosen} is the new winner: the refit of {before} was moved to {free}")


def _test_ensemble(trial: "Trial", directory: Path) -> Scores | None:
    _require_models(trial, directory)
    members = find_members([directory / trial.name])
    show(f"ensemble: the {len(members)} models below {directory / trial.name}")
    if read_data(members[0]).test is None:
        notify("no test images: the ensemble is not scored")
        return None
    restore_gpus()
    own = own_directory(directory / ENSEMBLE_FOLDER)
    remove_unfinished(own, _UNFINISHED)
    show_ensemble_test(members, "test", members[0].config.evaluation.tta, own)
    scores: Scores = read_checked_json(own / ENSEMBLE_FILE)["ensemble"]
    return scores


def _require_models(trial: "Trial", directory: Path) -> None:
    """Checks that the models of the winner were kept."""
    run = directory / trial.name
    runs = [run / fold_name(n + 1) for n in range(len(trial.fold_scores))] or [run]
    if not all((run / MODEL_FILE).is_file() for run in runs):
        raise ConfigError(
            message(
                f"The models of {trial.name} are needed, but were not kept with the former "
                "search.choose or search.keep.",
                "Try search.finish=refit, which trains it again.",
                trial=trial.name,
            )
        )


def restore_gpus() -> None:
    """Makes the GPUs of the trial processes available to this process again."""
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    if found and not tf.config.get_visible_devices("GPU"):
        try:
            tf.config.set_visible_devices(found, "GPU")
        except RuntimeError:
            notify(
                "the GPUs can't be used again in this process, which continues on the CPU"
            )
