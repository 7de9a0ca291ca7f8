"""Output of the command line: results to standard output, the rest to standard error."""

import sys

from rich.measure import Measurement
from rich.table import Table

from ..core.console import PlainConsole, notify, show, use_format, uses_json

__all__ = ["fits", "notify", "show", "show_table", "use_format", "uses_json"]

_ANY_WIDTH = 10_000


def show_table(table: Table) -> None:
    """Writes a table to standard output."""
    for column in table.columns:
        column.overflow = "fold"  # cuts nothing off on narrow screens
    PlainConsole(file=sys.stdout).print(table)


def fits(table: Table) -> bool:
    """Returns whether standard output can show a table without breaking words."""
    console = PlainConsole(file=sys.stdout)
    options = console.options.update(max_width=_ANY_WIDTH)
    return Measurement.get(console, options, table).minimum <= console.width
