"""Files that are there whole or not at all, and their fingerprints."""

import contextlib
import csv
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .faults import fault_point


def write_bytes_atomic(path: Path, content: bytes) -> None:
    """Replaces the file in one step, so that no reader ever sees half of it."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def write_text_atomic(path: Path, content: str) -> None:
    """Replaces the file with UTF-8 text in one step."""
    write_bytes_atomic(path, content.encode())


def write_json_atomic(path: Path, content: Any) -> None:
    """Replaces the file with indented JSON in one step."""
    write_text_atomic(path, json.dumps(content, indent=2, allow_nan=True) + "\n")


@contextlib.contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Fills a directory under a temporary name and gives it its own at the end.

    What was written is flushed to the disk before the directory becomes visible. If
    the block raises, nothing is left.

    Args:
        path: The final name. Its parent is made if need be.

    Yields:
        The temporary directory to write into.

    Raises:
        FileExistsError: `path` exists already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield temporary
        flush_directory(temporary)
        if path.exists():
            raise FileExistsError(f"{path} exists already")
        os.chmod(temporary, 0o755)
        os.rename(temporary, path)
        _flush(path.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def remove_directory(path: Path) -> None:
    """Removes a directory so that nobody ever sees half of it under its name."""
    hidden = path.with_name(f".{path.name}-removed")
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, hidden)
    fault_point("during-rotation")
    shutil.rmtree(hidden, ignore_errors=True)


def flush_directory(directory: Path) -> None:
    """Makes sure that a directory and the files in it have reached the disk."""
    for file in sorted(directory.iterdir()):
        _flush(file)
    _flush(directory)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of_file(path: Path | str) -> str:
    """Fingerprints the content of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_json(content: Any) -> str:
    """Fingerprints a value that JSON can hold, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table as UTF-8; file names that are not valid text keep their bytes.

    Words that a spreadsheet would take for a formula get an apostrophe in front.
    """
    with open(path, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file)
        writer.writerow([_no_formula(name) for name in header])
        writer.writerows([_no_formula(cell) for cell in row] for row in rows)


def _no_formula(cell: object) -> object:
    if not isinstance(cell, str) or not cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
