"""Writes files and directories atomically, and only regular ones.

Nothing here writes through a symbolic link or to anything but a regular file: an obstacle
is named in an error and left unchanged. The directory of a run or of the cache may itself
be a link; code that receives its path from the user resolves it once.
"""

import contextlib
import csv
import hashlib
import io
import json
import os
import secrets
import stat
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from .csv_cells import without_formula
from .errors import ConfigError, message
from .faults import fault_point
from .removal import remove_temporary


def write_bytes_atomic(path: Path, content: bytes) -> None:
    """Replaces the file atomically, so that readers never see a part of it."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text_atomic(path: Path, content: str) -> None:
    """Replaces the file with UTF-8 text atomically."""
    write_bytes_atomic(path, content.encode())


def write_json_atomic(path: Path, content: Any) -> None:
    """Replaces the file with indented JSON atomically."""
    write_text_atomic(path, json.dumps(content, indent=2, allow_nan=True) + "\n")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Creates a temporary file next to `path` that replaces it atomically at the end.

    Permissions follow the umask. If the block raises, nothing changes.

    Yields:
        The empty temporary file; it has the same suffix as `path`.

    Raises:
        ConfigError: `path` is something other than a regular file.
    """
    require_regular(path)
    temporary = path.with_name(f".{path.name}-{_token()}{path.suffix}")
    os.close(_open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    try:
        yield temporary
        _flush(temporary)
        require_regular(path)
        fault_point(f"before-{path.name}-is-replaced")
        os.replace(temporary, path)
    except BaseException:
        remove_temporary(temporary.parent, temporary.name)
        raise


def open_to_append(path: Path) -> BinaryIO:
    """Opens a file to append to it; creates it if necessary.

    Raises:
        ConfigError: `path` is something other than a regular file.
    """
    require_regular(path)
    return os.fdopen(_open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab")


def open_regular(path: Path | str) -> io.BufferedReader:
    """Opens a regular file for reading; never blocks on a FIFO or a device.

    Raises:
        OSError: The file can't be opened, or is not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_text(path: Path) -> str:
    """Reads a regular file as UTF-8.

    Raises:
        OSError: The file can't be opened, or is not a regular file.
        UnicodeDecodeError: The file is not valid UTF-8.
    """
    with open_regular(path) as file:
        return file.read().decode()


def require_regular(path: Path) -> None:
    """Checks that a path does not exist or is a regular file.

    Raises:
        ConfigError: The path is a link, a directory, a FIFO or a device.
    """
    status = _status(path)
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise _foreign_file_error(path, "a regular file", status)


def own_directory(path: Path) -> Path:
    """Creates a directory below that of a run or of the cache, unless it exists.

    Raises:
        ConfigError: The path is a link or a file.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(parents=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise _foreign_file_error(path, "a directory", status)
    return path


def require_plain(directory: Path, *subdirectories: str) -> None:
    """Checks that a directory contains only regular files and directories.

    Called early, so that a run does not fail after hours.

    Args:
        directory: The directory, which need not exist.
        subdirectories: Names of subdirectories to check recursively.

    Raises:
        ConfigError: There is a link, a FIFO, a socket or a device.
    """
    if not directory.is_dir():
        return
    found = [*directory.iterdir()]
    for name in subdirectories:
        status = _status(directory / name)
        if status is not None and stat.S_ISDIR(status.st_mode):
            found += (directory / name).rglob("*")  # does not follow links
    for path in found:
        status = _status(path)
        kind = stat.S_IFMT(status.st_mode) if status else stat.S_IFREG
        if status is not None and kind not in (stat.S_IFREG, stat.S_IFDIR):
            raise _foreign_file_error(path, "a regular file or a directory", status)


@contextlib.contextmanager
def new_directory(path: Path, replace: bool = False) -> Iterator[Path]:
    """Creates a directory under a temporary name, and renames it at the end.

    The content is flushed to disk before the directory becomes visible. If the block
    raises, nothing is left.

    Args:
        path: The final path. Its parent is created if necessary.
        replace: Whether to replace an existing directory.

    Yields:
        The temporary directory to write into.

    Raises:
        FileExistsError: `path` exists and `replace` is False.
        ConfigError: The parent of `path` is a link.
    """
    own_directory(path.parent)
    temporary = path.with_name(f".{path.name}-{_token()}")
    temporary.mkdir()
    try:
        yield temporary
        flush_directory(temporary)
        if os.path.lexists(path) and not replace:
            raise FileExistsError(f"{path} exists already")
        fault_point(f"before-{path.name}-is-named")
        _replace_directory(temporary, path)
        _flush(path.parent)
    except BaseException:
        remove_temporary(temporary.parent, temporary.name)
        raise


def _replace_directory(temporary: Path, path: Path) -> None:
    """Renames a directory to its final name, and removes the one that had this name."""
    earlier = path.with_name(f".{path.name}-{_token()}")
    try:
        with contextlib.suppress(FileNotFoundError):
            os.rename(path, earlier)
        os.rename(temporary, path)
    except BaseException:  # a signal may also arrive between the two
        with contextlib.suppress(OSError):
            os.rename(earlier, path)
        raise
    finally:
        if os.path.lexists(earlier):
            remove_temporary(earlier.parent, earlier.name)


def flush_directory(directory: Path) -> None:
    """Flushes a directory and the files in it to disk."""
    for file in sorted(directory.rglob("*")):
        _flush(file)
    _flush(directory)


def _flush(path: Path) -> None:
    descriptor = _open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)


def _token() -> str:
    return secrets.token_hex(4)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _foreign_file_error(path: Path, wanted: str, status: os.stat_result) -> ConfigError:
    kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "something else"
    return ConfigError(
        message(
            f"The file to write must be {wanted}, but {path.name} is {kind}.",
            "It is left as it is: move it away, or choose another directory.",
            path=str(path),
        )
    )


def sha256_of_file(path: Path | str) -> str:
    """Returns the SHA-256 of a regular file as 64 hexadecimal digits."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_json(content: Any) -> str:
    """Returns the SHA-256 of a JSON value, independent of the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Replaces a CSV file in UTF-8 atomically; invalid UTF-8 in file names is preserved.

    Text that a spreadsheet would interpret as a formula is prefixed with an apostrophe.
    """
    with (
        replacing(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file)
        writer.writerow([without_formula(name) for name in header])
        writer.writerows([without_formula(cell) for cell in row] for row in rows)


def crc32_of_start(path: Path, size: int) -> int:
    """Returns the CRC-32 of the first `size` bytes of a regular file."""
    checksum = 0
    with open_regular(path) as file:
        while size and (block := file.read(min(size, 1 << 20))):
            checksum, size = zlib.crc32(block, checksum), size - len(block)
    return checksum
