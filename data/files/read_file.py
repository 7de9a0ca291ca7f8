"""Reads the pixels of image files, or inspects the files, one after another."""

import contextlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ...core.errors import DataError, message, reason_of
from ...core.suggestion import Suggestion
from .decode import OpenedImage, Pixels, decode, decode_with_bits, open_image
from .deep_images import needs_shift
from .file_records import FileRecord, stamp
from .fingerprints import Fingerprint, fingerprint
from .pixel_rules import (
    DEFAULT_RULES,
    FULL_BITS,
    PixelRules,
    TooLargeError,
    UndecodableError,
)
from .record_files import read_record, record_of

MAX_BYTES = 1_000_000_000

_CHECK_SIZE = 32

File = tuple[str, bytes]


@dataclass(frozen=True)
class Inspection:
    """The record of a file, with its size and change time just before it was opened."""

    stamp: tuple[int, int]
    record: FileRecord
    fingerprint: Fingerprint | None = None


def read_into(pixels: Pixels, files: Sequence[File], rules: PixelRules) -> None:
    """Decodes files into an array.

    Args:
        pixels: `(files, size, size, 3)`, RGB.
        files: Path and digest of each file.
        rules: Rules for reading pixels.

    Raises:
        DataError: A file was changed or removed since it was inspected.
    """
    for place, (path, digest) in enumerate(files):
        pixels[place] = _read_pixels(path, digest, pixels.shape[1], rules)


def try_read_into(pixels: Pixels, paths: Sequence[str], rules: PixelRules) -> list[str]:
    """Decodes files that were not inspected into an array.

    16-bit images that use fewer bits are rejected unless the rules give the bit depth,
    because they would be nearly black.

    Args:
        pixels: `(files, size, size, 3)`, RGB; undefined for files that can't be used.
        paths: Paths of files, or of images in record files.
        rules: Rules for reading pixels.

    Returns:
        For each file, why it can't be used; empty if it can.
    """
    return [_try_to_read(pixels[place], path, rules) for place, path in enumerate(paths)]


def inspect_files(paths: Sequence[str], full: bool, rules: PixelRules) -> list[Inspection]:
    """Hashes files and checks that each can be decoded.

    Args:
        paths: Image files.
        full: Whether to decode every pixel, for fingerprints.
        rules: Rules for reading pixels.
    """
    return [_inspect(path, full, rules) for path in paths]


def unopened_files(paths: Sequence[str]) -> list[FileRecord]:
    """Returns records of files without opening them.

    Their digests cover path, size and change time instead of the content.
    """
    return [
        FileRecord(digest, 0, 0, "")
        if (digest := unopened_digest(path))
        else _inspect(path, False, DEFAULT_RULES).record
        for path in paths
    ]


def _try_to_read(pixels: Pixels, path: str, rules: PixelRules) -> str:
    try:
        pixels[:], bits = decode_with_bits(content_of(path), pixels.shape[1], rules)
    except (OSError, UndecodableError) as error:
        return reason_of(error)
    if rules.bit_depth is None and 0 < bits < FULL_BITS:
        return (
            f"it has 16 bits per channel and no value above {2**bits - 1:,}: if that is "
            f"white, use --bit-depth={bits}; if white is 65,535, --bit-depth={FULL_BITS}"
        )
    return ""


def unopened_digest(path: str) -> bytes:
    """Returns a digest of path, size and change time; empty if there is no such file."""
    size, changed_ns = stamp(path)
    name = os.fsencode(os.path.abspath(path))
    return sha256(b"%d %d %s" % (size, changed_ns, name)).digest() if size >= 0 else b""


def content_as_inspected(path: str, digest: bytes) -> bytes:
    """Reads the bytes of an image, and checks that they are unchanged.

    Args:
        path: Path of a file, or of an image in a record file.
        digest: Digest of the content when it was inspected.

    Raises:
        DataError: The image was changed or removed since.
    """
    found, content, problem = _read(path)
    if not problem and not _is_digest(digest, found, path):
        problem = "its content has changed"
    if problem:
        raise DataError(
            message(
                f"Images must not change during a run, but now {problem}.",
                "Start a new run, or restore the file.",
                file=path,
            )
        )
    return content


def _read_pixels(path: str, digest: bytes, size: int, rules: PixelRules) -> Pixels:
    content = content_as_inspected(path, digest)
    try:
        return decode(content, size, rules)
    except UndecodableError as error:
        raise DataError(
            message(
                f"Every image must be usable, but {error}.",
                "Start a new run without it.",
                file=path,
            ),
            Suggestion("", {"data.check": "copies"}, "finds all such files beforehand."),
        ) from None


def _is_digest(digest: bytes, content: bytes, path: str) -> bool:
    """Returns whether a digest matches the content, or the unopened file.

    Trailing zeros are ignored, because NumPy strips them from bytes.
    """
    wanted = digest.rstrip(b"\0")
    return wanted in (content.rstrip(b"\0"), unopened_digest(path).rstrip(b"\0"))


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
    """Returns the fingerprint; 16-bit images are read at the bit depth that they use."""
    if needs_shift(image.bits or None):
        with contextlib.suppress(UndecodableError):
            image = open_image(
                content, rules=PixelRules(image.bits, image.width * image.height)
            )
    return fingerprint(image)


def content_of(path: str) -> bytes:
    """Reads the bytes of an image from its own file or from a record file.

    Raises:
        OSError: The file can't be opened, is not a regular file, or is too large;
            `strerror` is a sentence that begins with "it".
    """
    try:
        record = record_of(path)
        return _content_of_file(path) if record is None else read_record(record)
    except OSError as error:
        reason = (
            error.strerror if error.errno == 0 else f"can't be opened ({error.strerror})"
        )
        raise OSError(error.errno, f"it {reason}") from None


def _content_of_file(path: str) -> bytes:
    about = os.stat(path)
    if not stat.S_ISREG(about.st_mode):  # reading a pipe may block forever
        raise OSError(0, "is not a regular file")
    if about.st_size > MAX_BYTES:
        raise OSError(0, f"has {about.st_size:,} bytes, more than {MAX_BYTES:,}")
    with open(path, "rb") as file:
        return file.read()


def _read(path: str) -> tuple[bytes, bytes, str]:
    """Returns hash and content of a file, and why it can't be opened; each may be empty."""
    try:
        content = content_of(path)
    except OSError as error:
        return b"", b"", str(error.strerror)
    return sha256(content).digest(), content, ""
