"""A fake terminal for tests, and what it shows."""

import io
import re

from keraunos.core.console import PlainConsole


class Terminal(io.StringIO):
    """Collects what is written, and claims to be a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def console_of(terminal: io.StringIO, width: int = 80, height: int = 24) -> PlainConsole:
    """A console that writes to a terminal of this size."""
    return PlainConsole(file=terminal, width=width, height=height, force_terminal=True)


def readable(written: str) -> str:
    """What was written, without colors; where lines are erased, a new one begins."""
    lines = re.sub(r"(\r?\x1b\[(1A|2K))+", "\n", written)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", lines)


def left_standing(written: str) -> list[str]:
    """The lines on a terminal at the end, after the cursor moved up and erased some."""
    lines, row = [""], 0
    for part in re.findall(r"\x1b\[\??\d*\w|[^\x1b]|\x1b\[[\d;]*m", written):
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part.endswith("A") and part[0] == "\x1b":
            row -= int(part[2:-1])
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part[0] not in "\x1b\r":
            lines[row] += part
    return [line for line in lines if line]
