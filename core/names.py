"""Looks up, suggests and formats names."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from .errors import ConfigError

T = TypeVar("T")
SHORTEST_PREFIX = 3


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Suggests the choice most similar to `name`, or one that begins with it, or nothing.

    Example:
        >>> did_you_mean("epohs", ["epochs", "devices"])
        'Did you mean epochs?'
    """
    lowered = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    if not near and len(name) >= SHORTEST_PREFIX:
        near = [choice for choice in lowered if choice.startswith(name.lower())]
    return f"Did you mean {lowered[near[0]]}?" if near else ""


def choose(kind: str, name: str, choices: Mapping[str, T], remedy: str = "") -> T:
    """Looks up `name`, or raises an error that lists the existing names.

    Args:
        kind: The setting that contains the name, for the message.
        name: The name that the user chose.
        choices: The values by name.
        remedy: What to do instead; by default suggests the most similar name.

    Returns:
        The value with this name.

    Raises:
        ConfigError: There is no such name.
    """
    if name in choices:
        return choices[name]
    guess = remedy or did_you_mean(name, choices)
    known = f"`{kind}` must be one of {', '.join(sorted(choices))}"
    raise ConfigError(f"{known}. Received: {kind}={name!r}. {guess}".strip())


def snake_case(name: str) -> str:
    """Converts a class name to snake_case, as in YAML.

    Example:
        >>> snake_case("EarlyStopping"), snake_case("TensorBoard"), snake_case("EMA")
        ('early_stopping', 'tensor_board', 'ema')
    """
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", words).lower()


def is_one_line(name: str) -> bool:
    r"""Returns whether a name is one line of text that can be encoded as UTF-8.

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
    r"""Escapes a name so that it is one line of printable text.

    Example:
        >>> printable("a\nb.png"), printable("a\udcff.png"), printable("\x1b[2J")
        ('a\\nb.png', 'a\\udcff.png', '\\x1b[2J')
    """
    return visible(name).replace("\n", "\\n").replace("\t", "\\t")


def visible(text: str) -> str:
    r"""Escapes control characters and other invisible ones, except line ends and tabs.

    Example:
        >>> visible("two\nlines, \x1b[31mred\r")
        'two\nlines, \\x1b[31mred\\r'
    """
    return _INVISIBLE.sub(lambda match: repr(match[0])[1:-1], text)


# Control characters, lone surrogates, and characters that change the text direction.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def some(names: Iterable[str], most: int = 20) -> str:
    """Lists the first names in one line, and the number of further ones.

    Example:
        >>> some(["cat", "dog", "emu", "fox"], most=2)
        'cat, dog and 2 more'
    """
    every = [printable(name) for name in names]
    more = f" and {len(every) - most:,} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
