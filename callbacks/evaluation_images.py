"""Writes the figures of an evaluation for TensorBoard."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary

from ..core.files import own_directory
from ..core.run_layout import TENSORBOARD_FOLDER
from ..evaluation.figures import Images, image_grid, to_pixels
from ..evaluation.finding import Finding, Panel
from ..strategies.tensorflow_internals import summaries_written_to
from .event_files import event_files, records_of, remove_events

PART = "evaluation"
_MOST_PANELS = 24
_COLUMNS = 6


def write_evaluation_images(
    run_dir: Path,
    findings: Mapping[str, Finding],
    step: int,
    kept: Collection[str] = (),
) -> None:
    """Writes figures and panels, replacing those of an earlier evaluation.

    Args:
        run_dir: The directory of a run with TensorBoard files.
        findings: Findings by name, which starts the tag: `calibration/reliability`.
        step: The step to write.
        kept: Names of further findings whose images of the earlier evaluation are kept.
    """
    own_directory(run_dir / TENSORBOARD_FOLDER)
    folder = own_directory(run_dir / TENSORBOARD_FOLDER / PART)
    earlier = _read_images(folder, kept) if kept else Summary()
    remove_events(folder)
    with summaries_written_to(tf.summary.create_file_writer(str(folder))):
        for name, finding in findings.items():
            for title, figure in finding.figures.items():
                tf.summary.image(f"{name}/{title}", to_pixels(figure)[None], step=step)
            if finding.panels:
                grid = _grid(finding.panels[:_MOST_PANELS])
                tf.summary.image(f"{name}/images", grid[None], step=step)
        tf.summary.experimental.write_raw_pb(earlier.SerializeToString(), step)
        tf.summary.flush()


def _read_images(folder: Path, parts: Collection[str]) -> Summary:
    paths = [path for path in event_files(folder.parent) if path.parent == folder]
    events = (Event.FromString(each) for path in paths for each in records_of(path))
    values = (value for event in events for value in event.summary.value)
    return Summary(value=[each for each in values if each.tag.split("/")[0] in parts])


def _grid(panels: Sequence[Panel]) -> Images:
    """Draws panels in a grid, all resized to the size of the first."""
    size = panels[0].pixels.shape[:2]
    pixels = [tf.image.resize(each.pixels, size, method="nearest") for each in panels]
    titles = ["\n".join(each.caption) for each in panels]
    return to_pixels(image_grid(np.stack(pixels), titles, _COLUMNS))
