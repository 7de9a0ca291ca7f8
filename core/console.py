"""Writes text to the console, without interpreting markup or control characters."""

import contextlib
import json
import os
import re
import sys
from typing import IO, Any

from rich.console import Console
from rich.file_proxy import FileProxy
from rich.text import Text

from .differences import ADDED, REMOVED
from .errors import ConfigError, message
from .names import visible

NARROWEST = 20
_COLORS_OF_DIFF = {REMOVED: "red", ADDED: "green"}
# Replacements for streams that support only ASCII.
_IN_ASCII = str.maketrans({"✕": "x", "•": "-", "\u00d7": "x", "…": "..."})


class PlainConsole(Console):
    """A Rich console that prints text literally.

    Does not interpret brackets as markup or colons as emoji. Escapes control characters and
    characters that the encoding of the stream lacks. If the reader has closed the stream,
    output is discarded and the program continues.

    Args:
        file: Where to write; standard output by default.
        **options: Options of `rich.console.Console`.

    Example:
        >>> PlainConsole(file=sys.stdout).print("[red]not red[/red]")
        [red]not red[/red]
    """

    def __init__(self, file: IO[str] | None = None, **options: Any) -> None:
        plain = {"markup": False, "emoji": False, "highlight": False}
        super().__init__(file=file, **plain | options)
        if self.width < NARROWEST:  # some environments report 0
            self.width = NARROWEST

    @property
    def file(self) -> IO[str]:
        """The stream that was given, also where a live display has replaced it.

        Rich would write past that display, which then redraws the wrong lines.
        """
        return self._file or super().file

    @file.setter
    def file(self, stream: IO[str]) -> None:
        self._file = stream

    def render_str(self, text: str, **options: Any) -> Text:
        """Renders any text, also that of tables, and colors the lines of a diff."""
        rendered = super().render_str(self.shown(text), **options)
        for mark, color in _COLORS_OF_DIFF.items():
            rendered.highlight_regex(rf"(?m)^{re.escape(mark)}.*$", color)
        return rendered

    def shown(self, text: str) -> str:
        """Returns text as the console shows it, with escapes."""
        text = visible(text)
        if self.encoding.startswith("utf"):
            return text
        simple = text.translate(_IN_ASCII)
        return simple.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def notify(self, text: str) -> None:
        """Writes a line without wrapping it."""
        self.print(text, soft_wrap=True)

    def print(self, *objects: Any, **options: Any) -> None:
        """Writes like `rich.console.Console.print`.

        Raises:
            ConfigError: Standard output can't be written, for example on a full disk.
        """
        try:
            super().print(*objects, **options)
        except OSError as error:
            silence(self.file)
            if self.file is sys.stdout and not isinstance(error, BrokenPipeError):
                raise ConfigError(
                    message(f"Standard output must be writable ({error.strerror}).")
                ) from None

    def on_broken_pipe(self) -> None:
        """Leaves the error to `print`."""
        raise


def can_redraw(console: Console) -> bool:
    """Returns whether a console is a terminal whose last lines can be redrawn.

    False for logs, even with colors, and if another display already redraws lines.
    """
    is_free = not isinstance(sys.stderr, FileProxy)
    return is_free and console.is_interactive and console.file.isatty()


def silence(stream: IO[str]) -> None:
    """Discards all further output to a stream that can't be written."""
    with open(os.devnull, "wb") as nowhere, contextlib.suppress(OSError):
        os.dup2(nowhere.fileno(), stream.fileno())


_format = ["text"]


def use_format(name: str) -> None:
    """Sets the format of lines on standard error: `text` or `json`."""
    _format[0] = name


def uses_json() -> bool:
    """Returns whether lines on standard error are JSON objects."""
    return _format[0] == "json"


def notify(text: str) -> None:
    """Writes a line to standard error; with JSON, as an object with `message`."""
    line = json.dumps({"message": text}) if uses_json() else text
    PlainConsole(file=sys.stderr).notify(line)


def show(text: str) -> None:
    """Writes a line of results to standard output."""
    PlainConsole(file=sys.stdout).notify(text)
