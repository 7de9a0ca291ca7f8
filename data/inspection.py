"""Opens every picture once before training, so that no bad file stops it later."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from itertools import islice
from typing import TypeVar

from ..core.progress import track
from ..core.store import Store
from .decode import DECODER_VERSION, Decoded, Pixels, UndecodableError, decode
from .file_records import FileRecord, FileRecords, stamp

Item = TypeVar("Item")
Result = TypeVar("Result")

_CHECK_SIZE = 32
_THREADS = os.cpu_count() or 1


def inspect_files(paths: Sequence[str], store: Store | None) -> list[FileRecord]:
    """Fingerprints files and checks that each can be decoded.

    Args:
        paths: Picture files.
        store: Where findings are remembered, so that an unchanged file is not opened
            again; None to open them all.

    Returns:
        A record per file, in the order of `paths`.
    """
    if store is None:
        return list(_open_files(paths))
    records = FileRecords(store.directory / "files.sqlite", DECODER_VERSION)
    known = records.find(paths)
    unknown = [path for path in paths if path not in known]
    stamps = {path: stamp(path) for path in unknown}
    fresh = dict(zip(unknown, _open_files(unknown), strict=True))
    records.remember(fresh, stamps)
    known |= fresh
    return [known[path] for path in paths]


def decode_files(
    paths: Sequence[str], size: int, sink: Callable[[int, Pixels], None]
) -> None:
    """Decodes files in parallel and hands each on with its position.

    Args:
        paths: Picture files that are known to be decodable.
        size: Height and width in pixels.
        sink: Called in this thread, in order.
    """
    pictures = _in_parallel(lambda path: read_pixels(path, size), paths)
    for row, pixels in enumerate(track(pictures, "Decoding pictures", len(paths))):
        sink(row, pixels)


def read_pixels(path: str, size: int) -> Pixels:
    """Decodes one file: `(size, size, 3)` RGB, uint8.

    Raises:
        UndecodableError: It was changed or removed since it was inspected.
    """
    _, decoded = _read(path, size)
    if isinstance(decoded, str):
        raise UndecodableError(
            f"{path} could be decoded when the run started, but now {decoded}"
        )
    return decoded.pixels


def _open_files(paths: Sequence[str]) -> Iterator[FileRecord]:
    found = _in_parallel(lambda path: _read(path, _CHECK_SIZE), paths)
    for digest, decoded in track(found, "Checking pictures", len(paths)):
        if isinstance(decoded, str):
            yield FileRecord(digest, 0, 0, decoded)
        else:
            yield FileRecord(digest, decoded.width, decoded.height, "")


def _read(path: str, size: int) -> tuple[bytes, Decoded | str]:
    """A file's fingerprint, and its picture or what is wrong with it."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        return b"", f"it can't be opened ({error.strerror})"
    digest = sha256(content).digest()
    try:
        return digest, decode(content, size)
    except UndecodableError as error:
        return digest, str(error)


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
