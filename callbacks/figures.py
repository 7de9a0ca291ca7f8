"""Draws samples.png, augmented.png and curves.png."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import evaluation
from ..core.best_epoch import read_exported_epoch
from ..core.run_layout import AUGMENTED_IMAGE, CURVES_IMAGE, SAMPLES_IMAGE
from .base import Callback
from .run_state import RunState
from .shows_images import ShowsImages


class Figures(Callback):
    """Draws samples of the data and learning curves into the run directory.

    `samples.png` and `augmented.png` before training, if the data is images, and
    `curves.png` at the end.

    Example:
        >>> figures = Figures()
    """

    chief_only = True

    def on_fit_begin(self, run: RunState) -> None:
        """Draws the data, in the background."""
        if run.run_dir is not None and isinstance(run.data, ShowsImages):
            run.background.submit(draw_data, run.data, run.run_dir)

    def on_fit_end(self, run: RunState) -> None:
        """Draws the curves, in the background."""
        if run.run_dir is not None and run.history:
            run.background.submit(_draw_curves, run.history, run.run_dir)


def _draw_curves(history: Mapping[str, Sequence[float]], directory: Path) -> None:
    exported = read_exported_epoch(directory)
    figure = evaluation.curves_figure(history, exported_epoch=exported)
    evaluation.save_figure(figure, directory / CURVES_IMAGE)


def draw_data(data: ShowsImages, directory: Path) -> list[Path]:
    """Draws samples.png and augmented.png.

    Returns:
        The files.
    """
    figures = {
        SAMPLES_IMAGE: evaluation.samples_figure(*data.sample_images()),
        AUGMENTED_IMAGE: evaluation.augmented_figure(data.augmented_images()),
    }
    for name, figure in figures.items():
        evaluation.save_figure(figure, directory / name)
    return [directory / name for name in figures]
