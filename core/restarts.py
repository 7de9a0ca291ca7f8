"""Reports the progress of a run to the launcher, which limits restarts by it."""

import os
from pathlib import Path

from .environment import number_of
from .files import read_text, write_text_atomic

VARIABLE = "KERAUNOS_PROGRESS_FILE"
COUNT_VARIABLE = "KERAUNOS_RESTARTS"
REASON_VARIABLE = "KERAUNOS_RESTART_REASON"


def report_progress(step: int) -> None:
    """Reports the step of a complete checkpoint, if a launcher has started this run."""
    path = os.environ.get(VARIABLE)
    if path:
        write_text_atomic(Path(path), str(step))


def restarts_so_far() -> tuple[int, str]:
    """Returns the number of restarts of all workers, and the reason for the last one."""
    count = number_of(COUNT_VARIABLE, 0, "restarts", is_whole=True)
    return int(count), os.environ.get(REASON_VARIABLE, "")


class Restarts:
    """Counts restarts; the count starts over when the run has made progress.

    Args:
        limit: Maximum number of restarts without progress.
        file: The file to which the run reports its progress.

    Attributes:
        count: Number of restarts since the last progress.
        total: Number of all restarts.

    Example:
        >>> restarts = Restarts(1, Path("/nowhere"))
        >>> restarts.is_allowed(), restarts.is_allowed()
        (True, False)
    """

    def __init__(self, limit: int, file: Path) -> None:
        self.limit = limit
        self.count = self.total = 0
        self._file = file
        self._reached = self._read_progress()

    def is_allowed(self) -> bool:
        """Returns whether to restart again, and counts this restart."""
        progress = self._read_progress()
        if progress > self._reached:
            self._reached, self.count = progress, 0
        self.count += 1
        self.total += 1
        return self.count <= self.limit

    def _read_progress(self) -> int:
        try:
            return int(read_text(self._file))
        except (OSError, ValueError):
            return -1
