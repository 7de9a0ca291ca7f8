"""Files that are there whole or not at all, in directories that are ours.

Nothing here writes through a symbolic link, or into anything but a regular file: what
stands in the way is named in an error and stays as it is. The directory of a run or of
the cache may itself be a link; whoever takes its name from the user resolves it once.
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

from .errors import ConfigError, message
from .faults import fault_point
from .removal import remove_temporary

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets compute begins so


def write_bytes_atomic(path: Path, content: bytes) -> None:
    """Replaces the file in one step, so that no reader ever sees half of it."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text_atomic(path: Path, content: str) -> None:
    """Replaces the file with UTF-8 text in one step."""
    write_bytes_atomic(path, content.encode())


def write_json_atomic(path: Path, content: Any) -> None:
    """Replaces the file with indented JSON in one step."""
    write_text_atomic(path, json.dumps(content, indent=2, allow_nan=True) + "\n")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Fills a new file beside `path`, which takes its place in one step at the end.

    Permissions follow the umask. If the block raises, all is as before.

    Yields:
        The new file, empty; its name ends like that of `path`.

    Raises:
        ConfigError: Something other than a regular file has that name.
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
    """Opens a file to write at its end; makes it if necessary.

    Raises:
        ConfigError: Something other than a regular file has that name.
    """
    require_regular(path)
    return os.fdopen(_open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab")


def open_regular(path: Path | str) -> io.BufferedReader:
    """Opens a file to read; a FIFO or a device is an error and keeps nobody waiting.

    Raises:
        OSError: It can't be opened, or is not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_text(path: Path) -> str:
    """Reads a regular file as UTF-8.

    Raises:
        OSError: As `open_regular`.
        UnicodeDecodeError: It is not UTF-8.
    """
    with open_regular(path) as file:
        return file.read().decode()


def require_regular(path: Path) -> None:
    """Checks that a name is free or that of a regular file.

    Raises:
        ConfigError: It is that of a link, a directory, a FIFO or a device.
    """
    status = _status(path)
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise _not_ours(path, "a regular file", status)


def own_directory(path: Path) -> Path:
    """Creates a directory below that of a run or of the cache, unless it is there.

    Raises:
        ConfigError: Its name is that of a link or of a file.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(parents=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise _not_ours(path, "a directory", status)
    return path


def require_plain(directory: Path, *subdirectories: str) -> None:
    """Checks that a directory holds regular files and directories only.

    Said before anything is done, so that no run comes upon it after hours.

    Args:
        directory: Looked at itself, if it exists.
        subdirectories: Those of it that are looked through to the bottom.

    Raises:
        ConfigError: It holds a link, a FIFO, a socket or a device.
    """
    if not directory.is_dir():
        return
    found = [*directory.iterdir()]
    for name in subdirectories:
        status = _status(directory / name)
        if status is not None and stat.S_ISDIR(status.st_mode):
            found += (directory / name).rglob("*")  # which goes through no link
    for path in found:
        status = _status(path)
        kind = stat.S_IFMT(status.st_mode) if status else stat.S_IFREG
        if status is not None and kind not in (stat.S_IFREG, stat.S_IFDIR):
            raise _not_ours(path, "a regular file or a directory", status)


@contextlib.contextmanager
def new_directory(path: Path, replace: bool = False) -> Iterator[Path]:
    """Fills a directory under a temporary name and gives it its own at the end.

    What was written is flushed to the disk before the directory becomes visible. If
    the block raises, nothing is left.

    Args:
        path: The final name. Its parent is created if necessary.
        replace: Whether it takes the place of one that is there already.

    Yields:
        The temporary directory to write into.

    Raises:
        FileExistsError: `path` exists already.
        ConfigError: Its parent is a link.
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
        _exchange(temporary, path)
        _flush(path.parent)
    except BaseException:
        remove_temporary(temporary.parent, temporary.name)
        raise


def _exchange(temporary: Path, path: Path) -> None:
    """Gives a directory its name, and removes the one that had it."""
    earlier = path.with_name(f".{path.name}-{_token()}")
    try:
        with contextlib.suppress(FileNotFoundError):
            os.rename(path, earlier)
        os.rename(temporary, path)
    except BaseException:  # of a signal, too, which may come between the two
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


def _not_ours(path: Path, wanted: str, status: os.stat_result) -> ConfigError:
    kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "something else"
    return ConfigError(
        message(
            f"The file to write must be {wanted}, but {path.name} is {kind}.",
            "It is left as it is: move it away, or choose another directory.",
            path=str(path),
        )
    )


def sha256_of_file(path: Path | str) -> str:
    """Fingerprints the content of a regular file as 64 hexadecimal digits."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_json(content: Any) -> str:
    """Fingerprints a value that JSON can hold, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Replaces a table, as UTF-8; file names that are not valid text keep their bytes.

    Words that a spreadsheet would take for a formula get an apostrophe in front.
    """
    with (
        replacing(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file)
        writer.writerow([_no_formula(name) for name in header])
        writer.writerows([_no_formula(cell) for cell in row] for row in rows)


def csv_bytes(rows: Iterable[Sequence[object]]) -> bytes:
    r"""Rows of a table as `write_csv` writes them.

    Example:
        >>> csv_bytes([["file", "prediction"], ["=1.png", "nevus"]])
        b"file,prediction\r\n'=1.png,nevus\r\n"
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_no_formula(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def crc32_of_start(path: Path, size: int) -> int:
    """The CRC-32 of the first bytes of a regular file."""
    checksum = 0
    with open_regular(path) as file:
        while size and (block := file.read(min(size, 1 << 20))):
            checksum, size = zlib.crc32(block, checksum), size - len(block)
    return checksum


def text_of_cell(cell: str) -> str:
    """The text that `write_csv` was given for a cell.

    Example:
        >>> text_of_cell("'=1"), text_of_cell("nevus")
        ('=1', 'nevus')
    """
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _no_formula(cell: object) -> object:
    if not isinstance(cell, str) or not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
