"""Where text reaches people: nothing in it does anything but show."""

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
# For streams that hold nothing else.
_IN_ASCII = str.maketrans({"✕": "x", "•": "-", "\u00d7": "x", "…": "..."})


class PlainConsole(Console):
    """A console of Rich that takes text as it stands.

    Brackets are no markup and colons no emoji; control characters, and what the encoding
    of the stream lacks, are shown as escapes. Where nobody reads any more, what is
    written is lost, and the program continues.

    Args:
        file: Where to write; standard output by default.
        **options: Of `rich.console.Console`.

    Example:
        >>> PlainConsole(file=sys.stdout).print("[red]not red[/red]")
        [red]not red[/red]
    """

    def __init__(self, file: IO[str] | None = None, **options: Any) -> None:
        plain = {"markup": False, "emoji": False, "highlight": False}
        super().__init__(file=file, **plain | options)
        if self.width < NARROWEST:  # some environments say 0
            self.width = NARROWEST

    def render_str(self, text: str, **options: Any) -> Text:
        """All text comes through here, that of tables too; lines of a diff get colors."""
        rendered = super().render_str(self.shown(text), **options)
        for mark, color in _COLORS_OF_DIFF.items():
            rendered.highlight_regex(rf"(?m)^{re.escape(mark)}.*$", color)
        return rendered

    def shown(self, text: str) -> str:
        """Text as it will stand there."""
        text = visible(text)
        if self.encoding.startswith("utf"):
            return text
        simple = text.translate(_IN_ASCII)
        return simple.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def notify(self, text: str) -> None:
        """Writes a line, however long it is."""
        self.print(text, soft_wrap=True)

    def print(self, *objects: Any, **options: Any) -> None:
        """Writes as `rich.console.Console.print` does.

        Raises:
            ConfigError: Standard output can't be written, as the disk is full.
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
    """Whether a console is a terminal whose last lines can be redrawn.

    A log is none, even if it takes colors; neither is a terminal in which another display
    is redrawn already.
    """
    is_free = not isinstance(sys.stderr, FileProxy)
    return is_free and console.is_interactive and console.file.isatty()


def silence(stream: IO[str]) -> None:
    """Discards all further output to a stream that can't be written."""
    with open(os.devnull, "wb") as nowhere, contextlib.suppress(OSError):
        os.dup2(nowhere.fileno(), stream.fileno())


_format = ["text"]


def use_format(name: str) -> None:
    """Chooses how lines to standard error are written: as `text` or `json`."""
    _format[0] = name


def uses_json() -> bool:
    """Whether lines to standard error are objects of JSON."""
    return _format[0] == "json"


def notify(text: str) -> None:
    """Writes a line for people to standard error; in JSON it is a `message`."""
    line = json.dumps({"message": text}) if uses_json() else text
    PlainConsole(file=sys.stderr).notify(line)


def show(text: str) -> None:
    """Writes a line of the result to standard output."""
    PlainConsole(file=sys.stdout).notify(text)
