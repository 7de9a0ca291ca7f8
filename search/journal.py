"""The journal of a search, from which it continues after an interruption."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from ..configs.callbacks import MONITORING_CALLBACKS
from ..configs.resuming import AFTER_TRAINING, CHANGEABLE_IN_SEARCH
from ..core.checked_files import is_absent, read_checked_json, write_checked_json
from ..core.differences import changes, differences_error, flatten
from ..core.errors import CheckpointError, message
from ..core.redaction import redacted
from ..core.removal import remove_file
from ..core.run_layout import SEARCH_FILE

FORMAT_VERSION = 1
_JOURNAL = re.compile(re.escape(SEARCH_FILE))

_REMEDY = "Restore it from a copy, or start a new search with another run_dir."


class _Event(BaseModel):
    """An entry of `Study`."""

    event: Literal["begin", "end"]
    trial: int
    values: dict[str, Any] = {}
    status: str = ""
    scores: list[float] = []
    seconds: float = 0.0
    reason: str = ""
    fold_scores: list[float] = []
    fold_epochs: list[int] = []
    rival: list[float] = []


_EVENTS = TypeAdapter(list[_Event])


class Journal:
    """The events of a search, in a file that is replaced atomically after each.

    Args:
        path: The file.
        settings: All settings of the search, serializable as JSON.

    Attributes:
        events: The events, oldest first.

    Raises:
        CheckpointError: The file can't be read.
        ConfigError: It belongs to a search with other settings.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self._path = path
        self._settings = deciding_settings(settings)
        self.events: list[dict[str, Any]] = []
        if not is_absent(path):
            content = _read(path)
            _compare(deciding_settings(content["settings"]), self._settings)
            self.events = content["events"]

    def add(self, **event: Any) -> None:
        """Adds an event; it is on disk when this returns."""
        self.events.append(event)
        content = {"format": FORMAT_VERSION, "settings": self._settings}
        try:
            write_checked_json(self._path, content | {"events": self.events})
        except OSError as error:
            raise CheckpointError(
                message(
                    f"The state of the search must be written ({error.strerror}).",
                    "Free some space, and run the same command again to continue.",
                    file=str(self._path),
                )
            ) from None

    def discard(self) -> None:
        """Removes the file of a search without trials."""
        remove_file(self._path.parent, SEARCH_FILE, _JOURNAL)


def deciding_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that determine the trials, by dotted name, without secrets.

    Callbacks that only show or report decide nothing.

    Example:
        >>> deciding_settings({"seed": 1, "trainer": {"max_epochs": 5, "devices": 2}})
        {'seed': 1, 'trainer.max_epochs': 5}
    """
    before = {name: each for name, each in settings.items() if name != AFTER_TRAINING}
    flat = flatten(redacted(json.loads(json.dumps(before))))
    return {
        name: flat[name]
        for name in flat
        if name not in CHANGEABLE_IN_SEARCH and not _is_monitoring_setting(name, flat)
    }


def _is_monitoring_setting(name: str, settings: Mapping[str, Any]) -> bool:
    """Returns whether a setting is that of a callback which decides nothing."""
    section, label = f"{name}.".split(".")[:2]
    own = settings.get(f"{section}.{label}.class", label)
    return section == "callbacks" and own in MONITORING_CALLBACKS


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_checked_json(path, _REMEDY)
        if content["format"] != FORMAT_VERSION:
            raise ValueError(f"it is of format {content['format']}")
        _EVENTS.validate_python(content["events"], strict=True)
        return {"settings": dict(content["settings"]), "events": content["events"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            message(
                f"The state of the search must be readable ({error}).",
                _REMEDY,
                file=str(path),
            )
        ) from None


def _compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    found = changes(before, now)
    if found:
        raise differences_error(
            "A search must be continued with the settings it was started with.",
            found,
            "Restore them, or start a new search with another run_dir.",
        )
