"""Old names, which work with a warning until a stated version.

Each is declared below, once; CONTRIBUTING.md says how. Python shows a `FutureWarning` by
default, once for each place in the code.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .errors import ConfigError, message


class Renamed(NamedTuple):
    """A name that was replaced by another.

    Attributes:
        old: The name that still works.
        new: What to use.
        since: The version that has introduced the new name.
        removed_in: The version that will not have the old one.

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
        """What users read."""
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
    """The attribute of `keraunos` for a name, old or new."""
    return _current(name, NAMES, stacklevel + 1)


def current_options(arguments: Sequence[str]) -> list[str]:
    """The arguments of a command with the new names of its options."""
    command, *rest = arguments or [""]
    return [command, *(_option(command, word) for word in rest)] if arguments else []


def current_setting(name: str) -> str:
    """The dotted name of a setting for a name, old or new, without a warning."""
    return next((each.new for each in SETTINGS if each.old == name), name)


def current_settings(
    values: Mapping[str, Any], section: str = "", stacklevel: int = 3
) -> dict[str, Any]:
    """Settings with their new names.

    Args:
        values: Nested as in a file; the keys may be dotted.
        section: The dotted name of the section that they are of; the whole by default.
        stacklevel: As of `warnings.warn`, for the caller of this function.

    Raises:
        ConfigError: A setting is given by its old and by its new name.
    """
    current = dict(values)
    for each in SETTINGS:
        old, new = (_within(section, name) for name in (each.old, each.new))
        if old is None or new is None or not _has(current, old):
            continue
        warnings.warn(each.warning, FutureWarning, stacklevel)
        if _has(current, new):
            remedy = f"Leave `{each.old}` out."
            raise ConfigError(message(f"`{each.new}` is given twice.", remedy))
        value = _take(current, old)
        current = _put(current, new, value)
    return current


def _current(name: str, renamed: Iterable[Renamed], stacklevel: int) -> str:
    for each in renamed:
        if each.old == name:
            warnings.warn(each.warning, FutureWarning, stacklevel)
            return each.new
    return name


def _option(command: str, word: str) -> str:
    name, equals, value = word.partition("=")
    if not name.startswith("-"):
        return word
    current = _current(f"{command} {name}", OPTIONS, stacklevel=4)
    return f"{current.removeprefix(f'{command} ')}{equals}{value}"


def _within(section: str, name: str) -> str | None:
    """A dotted name as it stands in a section; None if it is of another."""
    prefix = f"{section}." if section else ""
    return name.removeprefix(prefix) if name.startswith(prefix) else None


def _has(values: Mapping[str, Any], name: str) -> bool:
    head, _, rest = name.partition(".")
    inner = values.get(head)
    is_within = isinstance(inner, Mapping) and bool(rest) and _has(inner, rest)
    return name in values or is_within


def _take(values: dict[str, Any], name: str) -> Any:
    """Takes a setting out, and leaves the groups of others as they are."""
    if name in values:
        return values.pop(name)
    head, _, rest = name.partition(".")
    values[head] = dict(values[head])
    return _take(values[head], rest)


def _put(values: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    head, _, rest = name.partition(".")
    if not rest:
        return {**values, name: value}
    inner = values.get(head)
    return {**values, head: _put(inner if isinstance(inner, dict) else {}, rest, value)}
