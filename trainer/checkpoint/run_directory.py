"""Prepares the directory that a run writes into."""

import contextlib
import errno
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from ... import evaluation
from ...core.bundle import MANIFEST
from ...core.checked_files import CHECKSUMS_FILE, write_checked_json
from ...core.checkpoints import checkpoint_names
from ...core.errors import CheckpointError, message, unusable_run_dir
from ...core.files import read_text, require_plain, write_json_atomic
from ...core.lock import (
    BOOKKEEPING,
    OWNER_FILE,
    directory_lock,
    is_bookkeeping,
    remove_bookkeeping,
)
from ...core.machine import version_of
from ...core.redaction import redacted_command
from ...core.removal import remove_empty, remove_file, remove_unfinished, unfinished
from ...core.run_directory import create_run_directory
from ...core.run_layout import (
    CHECKPOINTS_FOLDER,
    ENVIRONMENT_FILE,
    FOLD,
    RUN_FILES,
    TENSORBOARD_FOLDER,
    TEST_FILE,
    TTA_PREDICTIONS_FILE,
)
from ...core.user_path import user_path
from ..contracts import LoadsImages
from ..guards.out_of_memory import FULL_DISK
from ..result import TestResult

# Temporary names of files that are being written.
_UNFINISHED = unfinished(*map(re.escape, (*RUN_FILES, CHECKSUMS_FILE)))
_TTA_PREDICTIONS = re.compile(re.escape(TTA_PREDICTIONS_FILE))
_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PACKAGES = ("keraunos", "tensorflow", "keras", "numpy", "tensorboard", "pillow")


def check_run_directory(path: str | os.PathLike[str]) -> Path:
    """Checks that a run can write into a directory, without creating it.

    Returns:
        The path with links resolved. The directory is missing, empty, or contains a run.

    Raises:
        ConfigError: The directory is not writable, contains something other than a run, or
            has a link, a FIFO or a device in place of a file of the run.
    """
    directory = Path(os.path.realpath(user_path(path)))
    present = directory
    while not present.exists():
        present = present.parent
    if not present.is_dir():
        raise unusable_run_dir(directory, "a run to resume", f"{present} is a file")
    if not os.access(present, os.W_OK | os.X_OK):
        raise unusable_run_dir(directory, "a run to resume", f"{present} can't be written")
    if present != directory:
        return directory
    require_plain(directory, CHECKPOINTS_FOLDER, TENSORBOARD_FOLDER)
    held = {
        each.name
        for each in directory.iterdir()
        if not is_bookkeeping(each.name) and not _UNFINISHED.fullmatch(each.name)
    }
    if held and not _is_run(directory):
        raise unusable_run_dir(
            directory, "a run to resume", f"it contains something else ({min(held)})"
        )
    return directory


def _is_run(directory: Path) -> bool:
    """Returns whether a directory contains a run, judged by contents, not file names.

    One intact file of a run is enough, as the others may be damaged.
    """
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        if "keraunos" in json.loads(read_text(directory / ENVIRONMENT_FILE))["versions"]:
            return True
    checkpoints = directory / CHECKPOINTS_FOLDER
    if any((checkpoints / n / MANIFEST).is_file() for n in checkpoint_names(checkpoints)):
        return True
    return any(_is_run(each) for each in directory.iterdir() if FOLD.fullmatch(each.name))


@contextlib.contextmanager
def claimed_directory(directory: Path | None) -> Iterator[None]:
    """Creates and locks a run directory; does nothing for None.

    If nothing is written into the directory, it is restored to its earlier state.

    Raises:
        ConfigError: It can't be created, or another process is using it.
        CheckpointError: The disk is full.
    """
    if directory is None:
        yield
        return
    is_new = not directory.exists()
    create_run_directory(directory)
    try:
        with directory_lock(directory):
            remove_unfinished(directory, _UNFINISHED)
            yield
    except (OSError, tf.errors.ResourceExhaustedError) as error:
        if _is_disk_error(directory, error):
            raise _unwritable_error(directory, error) from error
        raise
    finally:
        if {each.name for each in directory.iterdir()} <= BOOKKEEPING - {OWNER_FILE}:
            remove_bookkeeping(directory)
            if is_new:
                remove_empty(directory)


def write_environment(directory: Path, strategy: tf.distribute.Strategy) -> None:
    """Writes environment.json: versions and devices."""
    write_json_atomic(
        directory / ENVIRONMENT_FILE,
        describe_environment()
        | {
            "strategy": type(strategy).__name__,
            "replicas": strategy.num_replicas_in_sync,
            "devices": list(strategy.extended.worker_devices),
        },
    )


def describe_environment() -> dict[str, Any]:
    """Returns versions, platform and command line, with secrets redacted."""
    return {
        "versions": {name: version_of(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "command": redacted_command(sys.argv),
    }


@contextlib.contextmanager
def scratch_directory() -> Iterator[Path]:
    """Yields a temporary run directory that is removed on exit."""
    with tempfile.TemporaryDirectory(prefix="keraunos-") as name:
        yield Path(name)


def write_test_report(
    run_dir: str | os.PathLike[str], result: TestResult, source: Any
) -> None:
    """Writes predictions, figures and, last, scores of a test into a run directory."""
    directory = Path(os.path.realpath(user_path(run_dir)))
    directory.mkdir(parents=True, exist_ok=True)
    views, table = result.tta, directory / TTA_PREDICTIONS_FILE
    if views is not None and views.predictions is not None:
        evaluation.write_predictions(table, views.predictions)
    elif views is not None and views.task_predictions is not None:
        views.task_predictions.write_table(table)
    else:  # predictions of an earlier test don't belong to these scores
        remove_file(directory, TTA_PREDICTIONS_FILE, _TTA_PREDICTIONS)
    if result.task_predictions is not None:
        result.task_predictions.write_report(directory, result.scores)
    elif result.predictions is not None and isinstance(source, LoadsImages):
        evaluation.write_report(directory, result.predictions, result.scores, source.images)
    else:
        write_checked_json(directory / TEST_FILE, result.scores)


def _is_below(directory: Path, name: object) -> bool:
    return isinstance(name, str) and directory in Path(name).absolute().parents


def _is_disk_error(
    directory: Path, error: OSError | tf.errors.ResourceExhaustedError
) -> bool:
    if isinstance(error, OSError):
        return error.errno in _DISK_IS_FULL or _is_below(directory, error.filename)
    return FULL_DISK in str(error)


def _unwritable_error(directory: Path, error: Exception) -> CheckpointError:
    reason = str(error).splitlines()[0]
    return CheckpointError(
        message(
            f"The files of the run must be readable and writable, but are not ({reason}).",
            "Checkpoints are intact: free some space, or move away what is in the way, and "
            "run the same command again to resume from the newest.",
            run_dir=str(directory),
            free_megabytes=round(shutil.disk_usage(directory).free / 1e6, 1),
        )
    )
