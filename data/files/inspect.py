"""Opens every image once before training, so that no bad file stops it later."""

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import TypeVar

from ...core.cache_folder import FILES_DATABASE
from ...core.errors import DataError, message
from ...core.progress import track
from ...core.store import Store
from .decode import OpenedImage, Pixels, decode, open_image
from .deep_images import needs_shift
from .file_records import FileRecord, FileRecords, stamp
from .fingerprints import Fingerprint, Fingerprints, fingerprint
from .pixel_rules import (
    DECODER_VERSION,
    DEFAULT_RULES,
    PixelRules,
    TooLargeError,
    UndecodableError,
    too_large,
)

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_BYTES = 1_000_000_000

_CHECK_SIZE = 32
_REMEMBERED_AT_ONCE = 1000
_THREADS = os.cpu_count() or 1


def inspect_files(
    paths: Sequence[str],
    store: Store | None,
    fingerprints: Fingerprints | None = None,
    max_pixels: int = DEFAULT_RULES.max_pixels,
) -> list[FileRecord]:
    """Hashes files and checks that each can be decoded.

    Args:
        paths: Image files.
        store: Where findings are remembered, so that an unchanged file is not opened
            again; None to open them all.
        fingerprints: Where to add the fingerprints of the images, for which each has
            to be decoded in full.
        max_pixels: Images of more pixels can't be used.

    Returns:
        A record per file, in the order of `paths`.
    """
    if store is None:
        return [each.record for each in _inspect_all(paths, False, max_pixels)]
    records = FileRecords(store.claim() / FILES_DATABASE, DECODER_VERSION)
    known = _within_limit(records.find(paths), max_pixels)
    if fingerprints is not None:
        there = fingerprints.known({each.digest for each in known.values()})
        known = {
            p: each for p, each in known.items() if each.problem or each.digest in there
        }
    unknown = [path for path in paths if path not in known]
    inspections = zip(
        unknown, _inspect_all(unknown, fingerprints is not None, max_pixels), strict=True
    )
    while chunk := dict(islice(inspections, _REMEMBERED_AT_ONCE)):
        if fingerprints is not None:
            fingerprints.remember(_fingerprints_of(chunk.values()))
        # What can't be opened now may be opened later, without a trace of a change.
        opened = {path: each for path, each in chunk.items() if each.record.digest}
        records.remember(
            {path: each.record for path, each in opened.items()},
            {path: each.stamp for path, each in opened.items()},
        )
        known |= {path: each.record for path, each in chunk.items()}
    return [known[path] for path in paths]


def _within_limit(known: dict[str, FileRecord], max_pixels: int) -> dict[str, FileRecord]:
    """The records as another limit makes them; those that it lets in now are left out."""
    found = {}
    for path, record in known.items():
        if record.width * record.height > max_pixels:
            problem = too_large(record.width, record.height, max_pixels)
            found[path] = record._replace(problem=problem)
        elif not (record.problem and record.width):  # it was too large before
            found[path] = record
    return found


def decode_files(
    paths: Sequence[str],
    digests: Sequence[bytes],
    size: int,
    rules: PixelRules = DEFAULT_RULES,
) -> Iterator[Pixels]:
    """Decodes files in parallel, and hands their images on in order.

    Args:
        paths: Image files that are known to be decodable.
        digests: What `inspect_files` found their content to be.
        size: Height and width in pixels.
        rules: How pixels are read.

    Raises:
        DataError: One was changed or removed since.
    """
    files = list(zip(paths, digests, strict=True))
    images = _in_parallel(lambda file: read_pixels(*file, size, rules), files)
    return track(images, "Decoding images", len(files))


def read_pixels(
    path: str, digest: bytes, size: int, rules: PixelRules = DEFAULT_RULES
) -> Pixels:
    """Decodes one file: `(size, size, 3)` RGB, uint8.

    Raises:
        DataError: It was changed or removed since it was inspected.
    """
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


@dataclass(frozen=True)
class _Inspection:
    """What opening a file told, and its size and time of change just before."""

    stamp: tuple[int, int]
    record: FileRecord
    fingerprint: Fingerprint | None = None


def _fingerprints_of(inspections: Iterable[_Inspection]) -> dict[bytes, Fingerprint]:
    return {
        each.record.digest: each.fingerprint for each in inspections if each.fingerprint
    }


def _inspect_all(
    paths: Sequence[str], full: bool, max_pixels: int
) -> Iterator[_Inspection]:
    rules = PixelRules(max_pixels=max_pixels)
    found = _in_parallel(lambda path: _inspect(path, full, rules), paths)
    return track(found, "Checking images", len(paths))


def _inspect(path: str, full: bool, rules: PixelRules) -> _Inspection:
    before = stamp(path)
    digest, content, problem = _read(path)
    if problem:
        return _Inspection(before, FileRecord(digest, 0, 0, problem))
    size = None if full else _CHECK_SIZE
    try:
        image = open_image(content, size, rules)
    except TooLargeError as error:
        return _Inspection(
            before, FileRecord(digest, error.width, error.height, str(error))
        )
    except UndecodableError as error:
        return _Inspection(before, FileRecord(digest, 0, 0, str(error)))
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
    return _Inspection(before, record, _fingerprint(image, content) if full else None)


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


def _in_parallel(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Maps in order over threads, with a bounded number of results waiting."""
    remaining = iter(items)
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting: list[Future[Result]] = [
            pool.submit(work, item) for item in islice(remaining, 8 * _THREADS)
        ]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(work, item) for item in islice(remaining, 1)]
