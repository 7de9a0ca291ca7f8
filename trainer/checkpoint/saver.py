"""Writes checkpoints in a background thread."""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ...callbacks import Background, RunState
from ...core.bundle import Bundle, write_bundle
from ...core.errors import CheckpointError, message
from ...core.restarts import report_progress
from ...core.run_layout import FROZEN_FOLDER
from ...core.store import Store
from ...strategies import workers_of


class Saver:
    """Writes one checkpoint at a time in a background thread.

    Values are copied before the thread starts. Training waits for the thread before the
    next checkpoint, before validation, and at the end. Background work of callbacks is
    finished first; if it fails, the checkpoint is not written.

    Args:
        capture: Copies the contents of a checkpoint.
        capture_frozen: Copies the frozen variables, which are written once per run.
        store: The store in which runs share frozen variables, or None.

    Attributes:
        seconds: Seconds that the last checkpoint took to write.
    """

    def __init__(
        self,
        capture: Callable[[RunState], Bundle],
        capture_frozen: Callable[[RunState], Bundle],
        store: Store | None = None,
    ) -> None:
        self._capture = capture
        self._capture_frozen = capture_frozen
        self._store = store
        self._thread: threading.Thread | None = None
        self._path = Path()
        self._written: Path | None = None
        self._error: BaseException | None = None
        self.seconds = 1.0

    def save(self, run: RunState) -> None:
        """Starts to write a checkpoint; call `finish` first.

        Does nothing if the run has no directory or the checkpoint exists already. All
        workers must call this; the chief writes.
        """
        directory = run.checkpoint_dir
        path = directory and directory / run.checkpoint_name
        is_wanted = path is not None and not path.exists()
        if not workers_of(run.strategy).share(is_wanted):
            return
        bundle = self._capture(run)
        if directory is None or path is None:
            return
        frozen = self._missing_frozen(directory, run)
        self._start(run, {**frozen, path: bundle}, checkpoint=path)

    def save_frozen(self, run: RunState) -> None:
        """Starts to write the frozen variables, for which the first checkpoint would wait.

        Does nothing if the run has no directory or they are written already.
        """
        directory = run.checkpoint_dir
        frozen = {} if directory is None else self._missing_frozen(directory, run)
        if frozen:
            self._start(run, frozen)

    def _missing_frozen(self, directory: Path, run: RunState) -> dict[Path, Bundle]:
        path = directory / FROZEN_FOLDER
        return {} if path.exists() else {path: self._capture_frozen(run)}

    def _start(
        self, run: RunState, bundles: dict[Path, Bundle], checkpoint: Path | None = None
    ) -> None:
        self._path = checkpoint or next(iter(bundles))
        self._thread = threading.Thread(
            target=self._write,
            args=(run.step, run.background, bundles, checkpoint),
            name="keraunos-saver",
        )
        self._thread.start()

    def finish(self) -> Path | None:
        """Waits until the checkpoint is written.

        Returns:
            The path of the checkpoint, or None if none was written.

        Raises:
            CheckpointError: Writing failed. Earlier checkpoints are intact.
        """
        if self._thread is None:
            return None
        self._thread.join()
        self._thread = None
        if self._error is not None:
            error, self._error = self._error, None
            raise _unwritable_error(self._path, error) from error
        return self._written

    def abandon(self) -> None:
        """Waits for the thread and ignores a failure to write."""
        with contextlib.suppress(CheckpointError):
            self.finish()

    def _write(
        self,
        step: int,
        background: Background,
        bundles: dict[Path, Bundle],
        checkpoint: Path | None,
    ) -> None:
        started = time.monotonic()
        self._written = None
        try:
            if checkpoint is not None and not background.wait():
                return
            for path, bundle in bundles.items():
                store = self._store if path.name == FROZEN_FOLDER else None
                write_bundle(path, bundle, store)
            if checkpoint is not None:
                report_progress(step)
            self._written = checkpoint
        except BaseException as error:  # raised again by `finish`
            self._error = error
        self.seconds = time.monotonic() - started


def _unwritable_error(path: Path, error: BaseException) -> CheckpointError:
    free = shutil.disk_usage(path.parents[1]).free / 1e6
    return CheckpointError(
        message(
            f"A checkpoint must be written, but can't be ({error}).",
            "Earlier checkpoints are intact: free some space or make the directory "
            "writable, and run the same command again to resume.",
            path=str(path),
            free_megabytes=round(free, 1),
        )
    )
