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
    "closing markup only": ("mole[/]", "mole[/]"),
    "emoji": ("mole:warning:", "mole:warning:"),
    "color": ("\x1b[31mmole", r"\x1b[31mmole"),
    "window title": ("\x1b]0;mole\x07", r"\x1b]0;mole\x07"),
    "one-byte sequence": ("\x9b31mmole", r"\x9b31mmole"),
    "backspace": ("mole\b\b", r"mole\x08\x08"),
    "carriage return": ("mole\rerror", r"mole\rerror"),
    "right to left": ("mole\u202egnp", r"mole\u202egnp"),
    "non-UTF-8 bytes": ("mole\udcff", r"mole\udcff"),
    "any language": ("nævus 痣 🙂", "nævus 痣 🙂"),
}


def written(what, **options) -> str:
    file = io.StringIO()
    PlainConsole(file=file, width=80, **options).print(what)
    return file.getvalue()


@pytest.mark.parametrize(("name", "shown"), NAMES.values(), ids=NAMES)
def test_names_are_printed_literally(name, shown):
    table = Table(name, title=name, caption=name)
    table.add_column("score", footer=name)
    table.add_row(name, "1")
    table.show_footer = True
    assert written(name) == f"{shown}\n"
    assert written(table).count(shown) == 5
    assert printable(name) == shown
    assert "\x1b" not in written(table).replace(shown, "")


def test_names_are_printed_literally_on_color_terminals():
    assert written(NAMES["color"][0], force_terminal=True) == "\\x1b[31mmole\n"


def test_diff_lines_are_colored_only_on_terminals(monkeypatch):
    text = f"refused:\n{Change('seed', 0, 1).diff}\n  -- no change"
    assert written(text) == f"{text}\n"
    colored = written(text, force_terminal=True, color_system="standard")
    assert "\x1b[31m  - seed: 0\x1b[0m" in colored
    assert "\x1b[32m  + seed: 1\x1b[0m" in colored
    assert colored.count("\x1b[0m") == 2
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in written(text, force_terminal=True, color_system="standard")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_unencodable_characters_are_escaped(encoding):
    content = io.BytesIO()
    file = io.TextIOWrapper(content, encoding=encoding)
    table = Table("✕ nævus 痣")
    PlainConsole(file=file, width=20).print("✕ nævus 痣", table)
    file.flush()
    text = content.getvalue().decode(encoding)
    assert ("痣" if encoding == "utf-8" else "\\u75e3") in text


def test_closed_output_pipe_does_not_stop_the_program():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as file:
        for _ in range(3):
            PlainConsole(file=file).notify("to nobody")


def test_unwritable_results_are_an_error(monkeypatch):
    full = open("/dev/full", "w")  # noqa: SIM115
    monkeypatch.setattr(sys, "stdout", full)
    with pytest.raises(ConfigError, match="Standard output must be writable"):
        PlainConsole(file=full).notify("result")
    full.close()


def test_unwritable_notices_are_ignored():
    with open("/dev/full", "w") as full:
        PlainConsole(file=full).notify("progress")
