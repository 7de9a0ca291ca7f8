"""Writes what an evaluation draws for TensorBoard, once."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from ..core.files import own_directory
from ..core.run_layout import TENSORBOARD_FOLDER
from ..evaluation.figures import Images, image_grid, to_pixels
from ..evaluation.finding import Finding, Panel
from .event_files import remove_events

PART = "evaluation"
_MOST_PANELS = 24
_COLUMNS = 6


def write_evaluation_images(
    run_dir: Path, findings: Mapping[str, Finding], step: int
) -> None:
    """Writes figures and panels, in place of those of an earlier evaluation.

    Args:
        run_dir: A run that has files for TensorBoard.
        findings: By name: images are called `calibration/reliability`.
        step: Where on the horizontal axis.
    """
    own_directory(run_dir / TENSORBOARD_FOLDER)
    folder = own_directory(run_dir / TENSORBOARD_FOLDER / PART)
    remove_events(folder)
    with tf.summary.create_file_writer(str(folder)).as_default():
        for name, finding in findings.items():
            for title, figure in finding.figures.items():
                tf.summary.image(f"{name}/{title}", to_pixels(figure)[None], step=step)
            if finding.panels:
                grid = _grid(finding.panels[:_MOST_PANELS])
                tf.summary.image(f"{name}/images", grid[None], step=step)
        tf.summary.flush()


def _grid(panels: Sequence[Panel]) -> Images:
    """Panels of the size of the first."""
    size = panels[0].pixels.shape[:2]
    pixels = [tf.image.resize(each.pixels, size, method="nearest") for each in panels]
    titles = ["\n".join(each.caption) for each in panels]
    return to_pixels(image_grid(np.stack(pixels), titles, _COLUMNS))
