"""Compares nested settings."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .errors import ConfigError, shortened

# Prefixes of the lines of a diff, which terminals show in color.
REMOVED, ADDED = "  - ", "  + "


class Change(NamedTuple):
    """A setting that differs.

    Attributes:
        name: Dotted name of the setting.
        before: The old value; None if there was none.
        now: The new value; None if there is none.

    Example:
        >>> change = Change("trainer.max_epochs", 3, 5)
        >>> print(change.line)
        trainer.max_epochs: 3 -> 5
        >>> print(change.diff)
          - trainer.max_epochs: 3
          + trainer.max_epochs: 5
    """

    name: str
    before: Any
    now: Any

    @property
    def line(self) -> str:
        """The change in one line, for logs."""
        return f"{self.name}: {self.before!r} -> {self.now!r}"

    @property
    def diff(self) -> str:
        """The change in two lines, the old value above the new one."""
        marks = ((REMOVED, self.before), (ADDED, self.now))
        return "\n".join(f"{m}{self.name}: {shortened(repr(v))}" for m, v in marks)


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Compares two nested settings.

    Returns:
        The settings that differ, by name.
    """
    old, new = flatten(before), flatten(now)
    return [
        Change(name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Returns a line for each setting that differs.

    Example:
        >>> differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2})
        ['a.b: 1 -> 3']
    """
    return [change.line for change in changes(before, now)]


def differences_error(expected: str, found: Iterable[Change], remedy: str) -> ConfigError:
    """Returns the error to raise if settings must not differ.

    Args:
        expected: What was expected, as a full sentence.
        found: The settings that differ.
        remedy: What to do about it, as a full sentence.
    """
    lines = "\n".join(change.diff for change in found)
    return ConfigError(f"{expected} Received:\n{lines}\n{remedy}")


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Converts nested settings to a flat dict by dotted name.

    Example:
        >>> flatten({"a": {"b": 1}, "c": 2})
        {'a.b': 1, 'c': 2}
    """
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        flat |= flatten(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat
