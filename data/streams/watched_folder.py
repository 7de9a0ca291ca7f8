"""Watches a folder for new images, and returns each once when it is completely written.

The folder is polled, which works on all operating systems and network disks, and detects
moved files as well as written ones.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ...configs.choices import FindImagesBy
from ..files.file_records import stamp
from .folder_images import FoundImage, images_below
from .image_names import ImageName
from .known_names import KnownNames
from .read_stream import ReadImage

MOST_WAITING = 10_000

_GONE = (-1, -1)


@dataclass(frozen=True)
class _WaitingFile:
    """A file that may still be changing.

    Attributes:
        stamp: Size and change time at the last poll.
        since: Time at which this stamp was first seen.
        was_tried: Whether decoding failed with this stamp.
    """

    stamp: tuple[int, int]
    since: float
    was_tried: bool = False


class WatchedFolder:
    """The existing and new images of a folder.

    An image is returned when its file is unchanged between two polls. If it can't be
    decoded, it may still be written slowly: it is tried again when it changes, and for the
    last time after `patience_seconds` without changes. The names of finished images are
    ignored, even if other files replace them.

    Args:
        folder: The folder.
        by: How images are recognized.
        patience_seconds: Time that an unreadable file has to become readable.
        known: Names of finished images.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        folder: str,
        by: FindImagesBy,
        patience_seconds: float,
        known: KnownNames,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._by = by
        self._patience = patience_seconds
        self._known = known
        self._clock = clock
        self._waiting: dict[str, _WaitingFile] = {}
        self._handed_out: dict[str, _WaitingFile] = {}

    def look(self) -> list[ImageName]:
        """Polls the folder, and returns the images that can be read now, sorted by name."""
        self._handed_out = {}
        now = self._clock()
        for name in list(self._waiting):
            self._check_waiting(name, now)
        problems = self._find(now)
        names = [ImageName(each) for each in self._handed_out]
        return sorted([*names, *problems])

    def accept(self, read: ReadImage) -> bool:
        """Returns whether the result of reading an image is final, or to be tried again."""
        name = read.image.name
        waiting = self._handed_out.get(name)
        if read.problem and waiting and self._clock() - waiting.since < self._patience:
            self._waiting[name] = replace(waiting, was_tried=True)
            return False
        self._known.add(name)
        return True

    def _check_waiting(self, name: str, now: float) -> None:
        waiting, found = self._waiting[name], stamp(name.rstrip("/"))
        if found == _GONE:
            del self._waiting[name]
        elif found != waiting.stamp:
            self._waiting[name] = _WaitingFile(found, now)
        elif not waiting.was_tried or now - waiting.since >= self._patience:
            self._handed_out[name] = self._waiting.pop(name)

    def _find(self, now: float) -> list[ImageName]:
        """Records new files, and returns folders that stayed unreadable."""
        problems = []
        for found in images_below(self._folder, self._by, in_order=False):
            if len(self._waiting) >= MOST_WAITING:
                break
            if found.problem:
                problems += self._handle_problem(found, now)
            elif not self._is_known(found.name):
                self._waiting[found.name] = _WaitingFile(stamp(found.name), now)
        return problems

    def _handle_problem(self, found: FoundImage, now: float) -> list[ImageName]:
        if found.name in self._known:
            return []
        handed_out = self._handed_out.pop(found.name, None)
        if handed_out is not None and now - handed_out.since >= self._patience:
            return [ImageName(found.name, found.problem)]
        self._waiting[found.name] = handed_out or self._waiting.get(
            found.name, _WaitingFile(stamp(found.name.rstrip("/")), now)
        )
        return []

    def _is_known(self, name: str) -> bool:
        return name in self._waiting or name in self._handed_out or name in self._known
