"""Opens image files one after another: their pixels, or what there is to know of them."""

import contextlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ...core.errors import DataError, message
from .decode import OpenedImage, Pixels, decode, open_image
from .deep_images import needs_shift
from .file_records import FileRecord, stamp
from .fingerprints import Fingerprint, fingerprint
from .pixel_rules import PixelRules, TooLargeError, UndecodableError

MAX_BYTES = 1_000_000_000

_CHECK_SIZE = 32

File = tuple[str, bytes]


@dataclass(frozen=True)
class Inspection:
    """What opening a file told, and its size and time of change just before."""

    stamp: tuple[int, int]
    record: FileRecord
    fingerprint: Fingerprint | None = None


def read_into(pixels: Pixels, files: Sequence[File], rules: PixelRules) -> None:
    """Decodes files into an array.

    Args:
        pixels: `(files, size, size, 3)`, RGB.
        files: Path and digest of each.
        rules: How pixels are read.

    Raises:
        DataError: A file was changed or removed since it was inspected.
    """
    for place, (path, digest) in enumerate(files):
        pixels[place] = _read_pixels(path, digest, pixels.shape[1], rules)


def inspect_files(paths: Sequence[str], full: bool, rules: PixelRules) -> list[Inspection]:
    """Hashes files and checks that each can be decoded.

    Args:
        paths: Image files.
        full: Whether to decode every pixel, for fingerprints.
        rules: How pixels are read.
    """
    return [_inspect(path, full, rules) for path in paths]


def _read_pixels(path: str, digest: bytes, size: int, rules: PixelRules) -> Pixels:
    found, content, problem = _read(path)
    if not problem and found.rstrip(b"\0") != digest.rstrip(b"\0"):
        problem = "its content is another"
    if problem:
        raise DataError(
            message(
                f"Images must stay as they were when the run began, but now {problem}.",
                "Begin a new run, or put the file back.",
                file=path,
            )
        )
    return decode(content, size, rules)


def _inspect(path: str, full: bool, rules: PixelRules) -> Inspection:
    before = stamp(path)
    digest, content, problem = _read(path)
    if problem:
        return Inspection(before, FileRecord(digest, 0, 0, problem))
    size = None if full else _CHECK_SIZE
    try:
        image = open_image(content, size, rules)
    except TooLargeError as error:
        return Inspection(before, FileRecord(digest, error.width, error.height, str(error)))
    except UndecodableError as error:
        return Inspection(before, FileRecord(digest, 0, 0, str(error)))
    record = FileRecord(
        digest,
        image.width,
        image.height,
        "",
        image.format,
        image.orientation,
        image.is_animated,
        image.has_odd_end,
        image.bits,
    )
    return Inspection(before, record, _fingerprint(image, content) if full else None)


def _fingerprint(image: OpenedImage, content: bytes) -> Fingerprint:
    """Of images of which 16 bits use fewer, as these show them, lest all be black."""
    if needs_shift(image.bits or None):
        with contextlib.suppress(UndecodableError):
            image = open_image(
                content, rules=PixelRules(image.bits, image.width * image.height)
            )
    return fingerprint(image)


def _read(path: str) -> tuple[bytes, bytes, str]:
    """A file's hash, its content, and why it can't be opened; each may be empty."""
    try:
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode):  # reading a pipe may take for ever
            return b"", b"", "it is no regular file"
        if about.st_size > MAX_BYTES:
            return b"", b"", f"it has {about.st_size:,} bytes, more than {MAX_BYTES:,}"
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        return b"", b"", f"it can't be opened ({error.strerror})"
    return sha256(content).digest(), content, ""
