"""Stores finished trainings as lines of JSON in a file that survives kills."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEY = ("cell", "seed", "fold", "settings")


class Results:
    """The lines of a results file by the key of their training.

    A last line that a kill has cut short is dropped, and its training repeated.

    Args:
        path: The file; it need not exist yet.

    Raises:
        SystemExit: The file contains something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: dict[tuple[Any, ...], dict[str, Any]] = {}
        text = path.read_bytes() if path.exists() else b""
        whole = text[: text.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            self._keep(_parsed(line, f"{path}:{number}"))
        self._size = len(whole)

    def __contains__(self, key: Mapping[str, Any]) -> bool:
        return _as_tuple(key) in self._lines

    def __getitem__(self, key: Mapping[str, Any]) -> dict[str, Any]:
        return self._lines[_as_tuple(key)]

    def append(self, line: dict[str, Any]) -> None:
        """Appends a line and flushes it to disk."""
        self.path.touch()
        with self.path.open("r+b") as file:
            file.truncate(self._size)
            file.seek(self._size)
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
            self._size = file.tell()
        self._keep(line)

    def _keep(self, line: dict[str, Any]) -> None:
        self._lines[_as_tuple(line)] = line


def _as_tuple(line: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(line[name] for name in KEY)


def _parsed(line: bytes, place: str) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = json.loads(line)
        _as_tuple(parsed)
    except (ValueError, KeyError, TypeError):
        raise SystemExit(
            f"{place}: this is not a line of results; name another file"
        ) from None
    return parsed
