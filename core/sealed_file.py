"""Array files that end with the checksums of their blocks.

Opening a file detects flipped bits, a missing end, and holes left by a power failure.
CRC-32 processes 2.5 GB per second and core, which takes at most a tenth of the time to
compute the content again. Each process verifies an unchanged file once.
"""

import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .files import open_regular
from .known_files import KnownFiles

# Part of the keys in the store, so that files of another version are not found.
SEAL_VERSION = 1

_BLOCK = 1 << 20
_END = struct.Struct("<QI12s")  # content size, CRC-32 of the checksums and size, mark
_MARK = b"keraunos-sum"
_THREADS = min(os.cpu_count() or 1, 8)

_intact: KnownFiles[bool] = KnownFiles()


def seal(path: Path) -> None:
    """Appends checksums to a file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "numbers"
        >>> np.arange(3).tofile(path)
        >>> seal(path)
        >>> open_sealed(path, np.int64, (-1,)).tolist()
        [0, 1, 2]
    """
    with path.open("r+b") as file:
        sums = []
        while block := file.read(_BLOCK):
            sums.append(zlib.crc32(block))
        size = file.tell()
        table = np.array(sums, "<u4").tobytes()
        file.write(table + _END.pack(size, _checksum(table, size), _MARK))


def open_sealed(
    path: Path, dtype: npt.DTypeLike, shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Memory-maps the array of a sealed file, read-only, after verifying its checksums.

    Raises:
        ValueError: The file is damaged, or not a sealed file.
        OSError: The file can't be read.
    """
    with open_regular(path) as file:
        status = os.fstat(file.fileno())
        if status.st_size < _END.size:
            raise ValueError("it is empty or truncated")
        mapped = np.memmap(file, np.uint8, "r")
    content = _content(mapped)
    if not _intact.find(status):
        _compare(content, mapped)
        _intact.add(status, True)
    return content.view(dtype).reshape(shape)


def _content(mapped: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Returns the content without the checksums."""
    size, _, mark = _END.unpack(mapped[-_END.size :].tobytes())
    if mark != _MARK or len(mapped) != size + 4 * -(-size // _BLOCK) + _END.size:
        raise ValueError("its end is missing or differs")
    return mapped[:size]


def _compare(content: npt.NDArray[np.uint8], mapped: npt.NDArray[np.uint8]) -> None:
    table = mapped[len(content) : -_END.size].tobytes()
    size, checksum, _ = _END.unpack(mapped[-_END.size :].tobytes())
    if _checksum(table, size) != checksum:
        raise ValueError("its checksums are damaged")
    starts = range(0, len(content), _BLOCK)
    blocks = (content[at : at + _BLOCK].data for at in starts)
    with ThreadPoolExecutor(_THREADS) as pool:  # zlib releases the GIL
        found = list(pool.map(zlib.crc32, blocks))
    wrong = np.flatnonzero(np.array(found, "<u4") != np.frombuffer(table, "<u4"))
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} of its {len(found)} blocks differ from what was written"
        )


def _checksum(table: bytes, size: int) -> int:
    return zlib.crc32(struct.pack("<Q", size), zlib.crc32(table))
