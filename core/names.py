"""Names that people type: listing the right ones and guessing the one meant."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from .errors import ConfigError

T = TypeVar("T")


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Suggests the choice nearest to `name`, or nothing if none is near.

    Example:
        >>> did_you_mean("epohs", ["epochs", "devices"])
        'Did you mean epochs?'
    """
    lowered = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return f"Did you mean {lowered[near[0]]}?" if near else ""


def choose(kind: str, name: str, choices: Mapping[str, T], remedy: str = "") -> T:
    """Looks up `name`, or raises an error that lists the existing names.

    Args:
        kind: What the name is of, as it is called in the configuration.
        name: What the user asked for.
        choices: The values by name.
        remedy: What to do instead, if that is known; by default the nearest name.

    Returns:
        The value of that name.

    Raises:
        ConfigError: There is no such name.
    """
    if name in choices:
        return choices[name]
    guess = remedy or did_you_mean(name, choices)
    known = f"`{kind}` must be one of {', '.join(sorted(choices))}"
    raise ConfigError(f"{known}. Received: {kind}={name!r}. {guess}".strip())


def snake_case(name: str) -> str:
    """Turns a class name into the name it has in YAML.

    Example:
        >>> snake_case("EarlyStopping"), snake_case("TensorBoard"), snake_case("EMA")
        ('early_stopping', 'tensor_board', 'ema')
    """
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", words).lower()


def is_one_line(name: str) -> bool:
    r"""Whether a name is one line of text that UTF-8 can hold.

    Example:
        >>> is_one_line("nævus"), is_one_line("two\nlines"), is_one_line("\udcff")
        (True, False, False)
    """
    try:
        name.encode()
    except UnicodeEncodeError:  # a file name that is not valid text
        return False
    return name.splitlines() == [name]


def printable(name: str) -> str:
    r"""A name in one line of text, for people: names of files can be anything.

    Example:
        >>> printable("a\nb.png"), printable("a\udcff.png"), printable("\x1b[2J")
        ('a\\nb.png', 'a\\udcff.png', '\\x1b[2J')
    """
    return visible(name).replace("\n", "\\n").replace("\t", "\\t")


def visible(text: str) -> str:
    r"""Text in which no character does anything but show: no escape sequences.

    Line ends and tabs stay.

    Example:
        >>> visible("two\nlines, \x1b[31mred\r")
        'two\nlines, \\x1b[31mred\\r'
    """
    return _INVISIBLE.sub(lambda match: repr(match[0])[1:-1], text)


# Control characters, half pairs of surrogates, and what changes the direction of text.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def some(names: Iterable[str], most: int = 20) -> str:
    """The first names in one line of text, and the number of further ones.

    Example:
        >>> some(["cat", "dog", "emu", "fox"], most=2)
        'cat, dog and 2 more'
    """
    every = [printable(name) for name in names]
    more = f" and {len(every) - most:,} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
