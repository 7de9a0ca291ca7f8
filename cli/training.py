"""Trains and tests one run from the command line, and shows how to continue."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..configs import RunConfig
from ..core.errors import suggesting_arguments
from ..core.run_layout import CONFIG_FILE
from .console import notify, show
from .next_command import next_command
from .run_state import kind_of
from .typed_command import as_launched, typed, typed_again
from .untrusted import foreign_names

if TYPE_CHECKING:
    from ..data import ImageData
    from ..trainer import FitResult, Trainer


@dataclass(frozen=True)
class TrainedRun:
    """A run after training, which may have been interrupted: see `result.is_finished`.

    Attributes:
        trainer: The Trainer with the settings of the run.
        result: The result of the fit.
        data: The images.
    """

    trainer: "Trainer"
    result: "FitResult"
    data: "ImageData"


def train(
    config: RunConfig, run_dir: Path | None, resumable: Path | None = None
) -> TrainedRun:
    """Trains or resumes a run, and reports the exported model.

    Args:
        config: The configuration of the run.
        run_dir: The run directory, or None to write nothing.
        resumable: The directory to name in the command that resumes; by default `run_dir`.

    Raises:
        typer.Exit: The run was interrupted; its state is saved, and the command that
            resumes it was shown.
    """
    from ..strategies import current_workers

    run = fit(config, run_dir)
    if not run.result.is_finished:
        if current_workers().is_chief:
            _show_how_to_resume(config, resumable or run.result.run_dir)
        # The exit code of a process that the signal would have ended.
        raise typer.Exit(run.result.exit_code)
    best = run.result.best_epoch
    if best is not None and best.is_exported:
        show(f"exported: the model of {best.describe()}")
    return run


@suggesting_arguments(False)
def fit(config: RunConfig, run_dir: Path | None) -> TrainedRun:
    """Trains or resumes a run until it ends or is interrupted.

    Args:
        config: The configuration of the run.
        run_dir: The run directory, or None to write nothing.
    """
    from ..strategies import current_workers
    from .build import build_data, build_module, build_trainer
    from .config_file import with_absolute_weights

    config = with_absolute_weights(config)  # as config.yaml has them when it is resumed
    trainer = build_trainer(config, run_dir)
    trainer.check()
    trainer.announce(config.data.batch_size)
    with current_workers().together():
        data = build_data(config)
        result = trainer.fit(build_module(config, data), data)
    return TrainedRun(trainer, result, data)


def test(run: TrainedRun, tta: int | None = None) -> None:
    """Scores the best model on the test images, if there are any.

    Args:
        run: The trained run.
        tta: Number of views per image for test-time augmentation, or None.
    """
    from ..strategies import current_workers
    from .shown_test import find_validation_gap, show_test, show_validation_gap

    if run.data.test is None:
        return
    with current_workers().together():
        result = run.trainer.test(run.result.model, run.data, tta=tta)
        gap = find_validation_gap(result)
    if current_workers().is_chief:
        show_test("test", result)
        show_validation_gap(gap)


def show_next_commands(run_dir: Path, config: RunConfig) -> None:
    """Prints the run directory and the next commands."""
    from ..strategies import current_workers

    if current_workers().is_chief:
        show(f"run directory: {run_dir}")
        show(f"view it with: {typed('tensorboard', run_dir)}")
        images = "IMAGE_OR_FOLDER" if config.data.features is None else "TABLE.csv"
        show(f"predict with: {typed('predict', run_dir)} {images}")
        show(f"next: {next_command(run_dir, kind_of(run_dir), 'finished')}")


def _show_how_to_resume(config: RunConfig, resumable: Path | None) -> None:
    if resumable is None or not (resumable / CONFIG_FILE).exists():
        return
    notify("Resume with:")
    if foreign_names(config):  # code is imported only if it is typed
        notify(f"  {as_launched(typed_again(f'run_dir={resumable}'))}")
    else:
        notify(f"  {as_launched(typed('fit --resume', resumable))}")
