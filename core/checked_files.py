"""Files whose damage shows: their SHA-256 are noted in `.checksums` next to them.

The checksum is noted before the file changes, so that a process that dies in between
leaves a file of which one of the two is noted. That of a new file is noted once it is
there: if it were noted before, the file would seem to have been lost. What nobody noted
counts as it is.
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
    """Replaces the file in one step, and notes its checksum.

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
        _note_before_change(path)
        _note(path, content.encode())
    write_bytes_atomic(path, content.encode())
    fault_point(f"after-{path.name}-is-written")
    if is_new:
        _note(path, content.encode())


def write_checked_json(path: Path, content: Any) -> None:
    """Replaces the file with indented JSON in one step, and notes its checksum."""
    write_checked_text(path, json.dumps(content, indent=2, allow_nan=True) + "\n")


def append_checked_line(path: Path, line: str) -> None:
    """Adds a line that is on the disk when this returns, and notes the new checksum."""
    if is_absent(path):
        write_checked_text(path, "")
    before = _read(path) if path.exists() else b""
    added = line.encode() + b"\n"
    _note_before_change(path)
    _note(path, before + added)
    with open_to_append(path) as file:
        file.write(added)
        file.flush()
        os.fsync(file.fileno())


def note_checksum(path: Path) -> None:
    """Records the checksum of an existing file."""
    _note(path, _read(path))


def read_checked_text(path: Path, remedy: str = "Restore it from a copy.") -> str:
    """Reads a file as UTF-8.

    Args:
        path: The file.
        remedy: What the error advises.

    Raises:
        CheckpointError: It is not what was written, or can't be read.
    """
    try:
        content = _read(path)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise damaged(path, reason_of(error), remedy) from None
    if not _is_noted(path, content):
        raise damaged(path, f"{CHECKSUMS_FILE} has another SHA-256 of it", remedy)
    return text


def read_checked_json(path: Path, remedy: str = "Restore it from a copy.") -> Any:
    """Reads JSON from a file.

    Raises:
        CheckpointError: It is not what was written, or can't be read.
    """
    try:
        return json.loads(read_checked_text(path, remedy))
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error), remedy) from None


def is_absent(path: Path) -> bool:
    """Whether there is no such file, and none was ever written."""
    return not path.exists() and not _noted(path)


def is_damaged(path: Path) -> bool:
    """Whether the file is not what was written: changed, or gone."""
    try:
        return not _is_noted(path, _read(path))
    except OSError:
        return not is_absent(path)


def damaged(path: Path, why: str, remedy: str) -> CheckpointError:
    """The error to raise where a file is not what was written."""
    return CheckpointError(
        message(f"{path.name} must be as it was written; {why}.", remedy, file=str(path))
    )


def _is_noted(path: Path, content: bytes) -> bool:
    noted = _noted(path)
    return not noted or hashlib.sha256(content).hexdigest() in noted


def _noted(path: Path) -> set[str]:
    """The checksums that a file may have; none if nobody noted any."""
    try:
        text = _read(path.with_name(CHECKSUMS_FILE)).decode(errors="replace")
    except OSError:
        return set()
    parts = (line.partition("  ") for line in text.splitlines())
    return {checksum for checksum, _, name in parts if name == path.name}


def _note_before_change(path: Path) -> None:
    """Records the checksum of a file whose writer died before doing so."""
    if path.exists() and not _noted(path):
        note_checksum(path)


def _note(path: Path, content: bytes) -> None:
    """Adds a line as `sha256sum` writes them."""
    line = f"{hashlib.sha256(content).hexdigest()}  {path.name}\n"
    with open_to_append(path.with_name(CHECKSUMS_FILE)) as file:
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read()
