"""Profiles a range of steps for TensorBoard."""

from pathlib import Path

import tensorflow as tf

from ..core.files import own_directory


class ProfileWindow:
    """Runs TensorFlow's profiler from one step to another.

    Args:
        first: First step to record, counted from 1 over all epochs.
        last: Last step to record.
        folder: Folder of the trace.
    """

    def __init__(self, first: int, last: int, folder: Path) -> None:
        self._first = first
        self._last = last
        self._folder = folder
        self._is_open = False

    def move_to(self, step: int) -> None:
        """Starts or stops the profiler if due after this step."""
        if self._is_open and step >= self._last:
            self.close()
        elif not self._is_open and self._first <= step + 1 <= self._last:
            for below in ("", "plugins", "plugins/profile"):
                own_directory(self._folder / below)
            tf.profiler.experimental.start(str(self._folder))
            self._is_open = True

    def close(self) -> None:
        """Writes the trace, if one is being recorded."""
        if self._is_open:
            self._is_open = False
            tf.profiler.experimental.stop()
