"""Deprecated names, which work with a warning until a stated version.

Each is declared once below; see CONTRIBUTING.md. Python shows a `FutureWarning` by default,
once per location in the code.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .errors import ConfigError, message


class Renamed(NamedTuple):
    """A name that was replaced by another.

    Attributes:
        old: The name that still works.
        new: The name to use instead.
        since: The version that introduced the new name.
        removed_in: The version that will remove the old name.

    Example:
        >>> Renamed("a.old", "a.new", "0.2", "0.3").warning
        '`a.old` is deprecated since 0.2 and will be removed in 0.3. Use `a.new`.'
    """

    old: str
    new: str
    since: str
    removed_in: str

    @property
    def warning(self) -> str:
        """The text of the warning."""
        return (
            f"`{self.old}` is deprecated since {self.since} and will be removed "
            f"in {self.removed_in}. Use `{self.new}`."
        )


# Settings by dotted name: in YAML, as `key=value`, in `search.space`, and as arguments.
SETTINGS: tuple[Renamed, ...] = ()
# Attributes of `keraunos`, such as `Trainer`.
NAMES: tuple[Renamed, ...] = ()
# Options of commands, each with its command: `export --output`.
OPTIONS: tuple[Renamed, ...] = ()


def current_name(name: str, stacklevel: int = 3) -> str:
    """Returns the current name of an attribute of `keraunos`; warns if it was renamed."""
    return _current_name(name, NAMES, stacklevel + 1)


def current_options(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments of a command with the current names of its options."""
    command, *rest = arguments or [""]
    return [command, *(_option(command, word) for word in rest)] if arguments else []


def current_setting(name: str) -> str:
    """Returns the current dotted name of a setting, without a warning."""
    return next((each.new for each in SETTINGS if each.old == name), name)


def current_settings(
    values: Mapping[str, Any], section: str = "", stacklevel: int = 3
) -> dict[str, Any]:
    """Returns settings under their current names, and warns about renamed ones.

    Args:
        values: Settings, nested as in a file; keys may also be dotted.
        section: Dotted name of the section of the settings; the whole by default.
        stacklevel: Like that of `warnings.warn`, relative to the caller.

    Raises:
        ConfigError: A setting is given under both its old and its new name.
    """
    current = dict(values)
    for each in SETTINGS:
        old, new = (_relative_name(section, name) for name in (each.old, each.new))
        if old is None or new is None or not _has_nested(current, old):
            continue
        warnings.warn(each.warning, FutureWarning, stacklevel)
        if _has_nested(current, new):
            remedy = f"Leave `{each.old}` out."
            raise ConfigError(message(f"`{each.new}` is given twice.", remedy))
        value = _pop_nested(current, old)
        current = _set_nested(current, new, value)
    return current


def _current_name(name: str, renamed: Iterable[Renamed], stacklevel: int) -> str:
    for each in renamed:
        if each.old == name:
            warnings.warn(each.warning, FutureWarning, stacklevel)
            return each.new
    return name


def _option(command: str, word: str) -> str:
    name, equals, value = word.partition("=")
    if not name.startswith("-"):
        return word
    current = _current_name(f"{command} {name}", OPTIONS, stacklevel=4)
    return f"{current.removeprefix(f'{command} ')}{equals}{value}"


def _relative_name(section: str, name: str) -> str | None:
    """Returns a dotted name relative to a section; None if it is not in the section."""
    prefix = f"{section}." if section else ""
    return name.removeprefix(prefix) if name.startswith(prefix) else None


def _has_nested(values: Mapping[str, Any], name: str) -> bool:
    head, _, rest = name.partition(".")
    inner = values.get(head)
    is_within = isinstance(inner, Mapping) and bool(rest) and _has_nested(inner, rest)
    return name in values or is_within


def _pop_nested(values: dict[str, Any], name: str) -> Any:
    """Removes a setting and returns its value, without changing shared groups."""
    if name in values:
        return values.pop(name)
    head, _, rest = name.partition(".")
    values[head] = dict(values[head])
    return _pop_nested(values[head], rest)


def _set_nested(values: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    head, _, rest = name.partition(".")
    if not rest:
        return {**values, name: value}
    inner = values.get(head)
    return {
        **values,
        head: _set_nested(inner if isinstance(inner, dict) else {}, rest, value),
    }
