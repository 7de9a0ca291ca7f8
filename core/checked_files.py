"""Files with checksums: their SHA-256 are recorded in `.checksums` next to them.

The new checksum is recorded before a file changes: if the process dies in between, the
file matches either the old or the new checksum. That of a new file is recorded afterwards:
otherwise, the file would seem to have been lost. Files without a recorded checksum count as
undamaged.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from .errors import CheckpointError, message, reason_of
from .faults import fault_point
from .files import open_regular, open_to_append, write_bytes_atomic

CHECKSUMS_FILE = ".checksums"


def write_checked_text(path: Path, content: str) -> None:
    """Replaces the file atomically, and records its checksum.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "scores.json"
        >>> write_checked_text(file, "[1]")
        >>> read_checked_text(file)
        '[1]'
        >>> _ = file.write_text("[2]")
        >>> is_damaged(file)
        True
    """
    is_new = is_absent(path)
    if not is_new:
        _record_missing_checksum(path)
        _append_checksum(path, content.encode())
    write_bytes_atomic(path, content.encode())
    fault_point(f"after-{path.name}-is-written")
    if is_new:
        _append_checksum(path, content.encode())


def write_checked_json(path: Path, content: Any) -> None:
    """Replaces the file with indented JSON atomically, and records its checksum."""
    write_checked_text(path, json.dumps(content, indent=2, allow_nan=True) + "\n")


def append_checked_line(path: Path, line: str) -> None:
    """Appends a line, flushes it to disk, and records the new checksum."""
    if is_absent(path):
        write_checked_text(path, "")
    before = _read(path) if path.exists() else b""
    added = line.encode() + b"\n"
    _record_missing_checksum(path)
    _append_checksum(path, before + added)
    with open_to_append(path) as file:
        file.write(added)
        file.flush()
        os.fsync(file.fileno())


def note_checksum(path: Path) -> None:
    """Records the checksum of an existing file."""
    _append_checksum(path, _read(path))


def read_checked_text(path: Path, remedy: str = "Restore it from a copy.") -> str:
    """Reads a file as UTF-8, and verifies its checksum.

    Args:
        path: The file.
        remedy: The advice in the error message.

    Raises:
        CheckpointError: The file is damaged or can't be read.
    """
    try:
        content = _read(path)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise damaged(path, reason_of(error), remedy) from None
    if not _matches_checksum(path, content):
        raise damaged(path, f"{CHECKSUMS_FILE} has another SHA-256 of it", remedy)
    return text


def read_checked_json(path: Path, remedy: str = "Restore it from a copy.") -> Any:
    """Reads JSON from a file, and verifies its checksum.

    Raises:
        CheckpointError: The file is damaged or can't be read.
    """
    try:
        return json.loads(read_checked_text(path, remedy))
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error), remedy) from None


def is_absent(path: Path) -> bool:
    """Returns whether a file does not exist and was never written."""
    return not path.exists() and not _recorded_checksums(path)


def is_damaged(path: Path) -> bool:
    """Returns whether a file was changed or removed after it was written."""
    try:
        return not _matches_checksum(path, _read(path))
    except OSError:
        return not is_absent(path)


def damaged(path: Path, why: str, remedy: str) -> CheckpointError:
    """Returns the error to raise for a damaged file."""
    return CheckpointError(
        message(f"{path.name} must be as it was written; {why}.", remedy, file=str(path))
    )


def _matches_checksum(path: Path, content: bytes) -> bool:
    noted = _recorded_checksums(path)
    return not noted or hashlib.sha256(content).hexdigest() in noted


def _recorded_checksums(path: Path) -> set[str]:
    """Returns the recorded checksums of a file."""
    try:
        text = _read(path.with_name(CHECKSUMS_FILE)).decode(errors="replace")
    except OSError:
        return set()
    parts = (line.partition("  ") for line in text.splitlines())
    return {checksum for checksum, _, name in parts if name == path.name}


def _record_missing_checksum(path: Path) -> None:
    """Records the checksum of a file whose writer died before doing so."""
    if path.exists() and not _recorded_checksums(path):
        note_checksum(path)


def _append_checksum(path: Path, content: bytes) -> None:
    """Appends a line in the format of `sha256sum`."""
    line = f"{hashlib.sha256(content).hexdigest()}  {path.name}\n"
    with open_to_append(path.with_name(CHECKSUMS_FILE)) as file:
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read()
