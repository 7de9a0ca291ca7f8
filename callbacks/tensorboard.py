"""Writes what TensorBoard shows."""

import shutil
from pathlib import Path
from typing import Any

import tensorflow as tf

from ..evaluation import confusion_matrix_picture
from ..evaluation.pictures import to_pixels
from .base import Callback
from .event_files import keep_events
from .run_state import RunState
from .shows_pictures import ShowsPictures

FOLDER = "tensorboard"


class TensorBoard(Callback):
    """Writes event files into `tensorboard` of the run directory.

    Scalars of training and validation (same name, two runs, so that they share a
    chart), learning rate and images per second at each epoch's end; sample pictures
    and augmented ones at the start; the confusion matrix of the validation data after
    each epoch. The horizontal axis counts steps.

    Args:
        pictures: Whether to write pictures.

    Example:
        >>> board = TensorBoard(pictures=False)
    """

    chief_only = True

    def __init__(self, pictures: bool = True) -> None:
        self.pictures = pictures
        self.wants_validation_predictions = pictures
        self._writers: dict[str, tf.summary.SummaryWriter] = {}

    def on_fit_begin(self, run: RunState) -> None:
        """Writes pictures of the data; removes what a resumed run will write again."""
        if run.run_dir is not None and run.resumed_from is not None:
            # At the end of an epoch its values are written before it counts as done.
            done = run.step - run.is_within_epoch
            keep_events(run.run_dir / FOLDER, lambda step: step <= done)
        elif run.run_dir is not None:  # a process may have come to no checkpoint
            shutil.rmtree(run.run_dir / FOLDER, ignore_errors=True)
        is_new = run.resumed_from is None
        if is_new and self.pictures and isinstance(run.data, ShowsPictures):
            images, _ = run.data.sample_pictures()
            self._images(run, "samples", images)
            self._images(run, "augmented", run.data.augmented_pictures())

    def on_epoch_end(self, run: RunState) -> None:
        """Writes the epoch's values."""
        for name, value in run.metrics.items():
            part = "validation" if name.startswith("val_") else "train"
            with self._writer(run, part):
                tf.summary.scalar(name.removeprefix("val_"), value, step=run.step)
        if run.validation is not None and self.pictures:
            figure = confusion_matrix_picture(
                run.validation.confusion_matrix(), run.validation.class_names
            )
            self._images(run, "confusion_matrix", to_pixels(figure)[None], "validation")
        self._flush()

    def on_fit_end(self, run: RunState) -> None:
        """Closes the files."""
        self._close()

    def on_exception(self, run: RunState, error: BaseException) -> None:
        """Closes the files."""
        self._close()

    def _images(self, run: RunState, name: str, images: Any, part: str = "train") -> None:
        with self._writer(run, part):
            tf.summary.image(name, images, step=run.step, max_outputs=len(images))

    def _writer(self, run: RunState, part: str) -> Any:
        if run.run_dir is None:
            return tf.summary.create_noop_writer().as_default()
        if part not in self._writers:
            folder = Path(run.run_dir) / FOLDER / part
            self._writers[part] = tf.summary.create_file_writer(str(folder))
        return self._writers[part].as_default()

    def _flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
