import io
import os
import sys

import pytest
from keraunos.core.console import PlainConsole
from keraunos.core.differences import Change
from keraunos.core.errors import ConfigError
from keraunos.core.names import printable
from rich.table import Table

NAMES = {
    "markup": ("[red]mole[/red]", "[red]mole[/red]"),
    "markup that is closed only": ("mole[/]", "mole[/]"),
    "emoji": ("mole:warning:", "mole:warning:"),
    "color": ("\x1b[31mmole", r"\x1b[31mmole"),
    "title of the window": ("\x1b]0;mole\x07", r"\x1b]0;mole\x07"),
    "one-byte sequence": ("\x9b31mmole", r"\x9b31mmole"),
    "backspace": ("mole\b\b", r"mole\x08\x08"),
    "return": ("mole\rerror", r"mole\rerror"),
    "right to left": ("mole\u202egnp", r"mole\u202egnp"),
    "bytes that are no text": ("mole\udcff", r"mole\udcff"),
    "any language": ("nævus 痣 🙂", "nævus 痣 🙂"),
}


def written(what, **options) -> str:
    file = io.StringIO()
    PlainConsole(file=file, width=80, **options).print(what)
    return file.getvalue()


@pytest.mark.parametrize(("name", "shown"), NAMES.values(), ids=NAMES)
def test_a_name_does_nothing_but_show(name, shown):
    table = Table(name, title=name, caption=name)
    table.add_column("score", footer=name)
    table.add_row(name, "1")
    table.show_footer = True
    assert written(name) == f"{shown}\n"
    assert written(table).count(shown) == 5
    assert printable(name) == shown
    assert "\x1b" not in written(table).replace(shown, "")


def test_the_same_holds_where_there_are_colors():
    assert written(NAMES["color"][0], force_terminal=True) == "\\x1b[31mmole\n"


def test_lines_of_a_diff_are_colored_on_a_terminal_and_plain_elsewhere(monkeypatch):
    text = f"refused:\n{Change('seed', 0, 1).diff}\n  -- no change"
    assert written(text) == f"{text}\n"
    colored = written(text, force_terminal=True, color_system="standard")
    assert "\x1b[31m  - seed: 0\x1b[0m" in colored
    assert "\x1b[32m  + seed: 1\x1b[0m" in colored
    assert colored.count("\x1b[0m") == 2
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in written(text, force_terminal=True, color_system="standard")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_every_encoding_can_be_written(encoding):
    content = io.BytesIO()
    file = io.TextIOWrapper(content, encoding=encoding)
    table = Table("✕ nævus 痣")
    PlainConsole(file=file, width=20).print("✕ nævus 痣", table)
    file.flush()
    text = content.getvalue().decode(encoding)
    assert ("痣" if encoding == "utf-8" else "\\u75e3") in text


def test_where_nobody_reads_the_program_goes_on():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as file:
        for _ in range(3):
            PlainConsole(file=file).notify("to nobody")


def test_results_that_can_not_be_written_are_an_error(monkeypatch):
    full = open("/dev/full", "w")  # noqa: SIM115
    monkeypatch.setattr(sys, "stdout", full)
    with pytest.raises(ConfigError, match="Standard output must be writable"):
        PlainConsole(file=full).notify("result")
    full.close()


def test_what_is_said_beside_results_may_get_lost():
    with open("/dev/full", "w") as full:
        PlainConsole(file=full).notify("progress")
