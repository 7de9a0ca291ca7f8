"""Output of the command line: results to standard output, the rest to standard error."""

import sys

from rich.table import Table

from ..core.console import PlainConsole, notify, show, use_format, uses_json

__all__ = ["notify", "show", "show_table", "use_format", "uses_json"]


def show_table(table: Table) -> None:
    """Writes a table to standard output."""
    for column in table.columns:
        column.overflow = "fold"  # cuts nothing off on narrow screens
    PlainConsole(file=sys.stdout).print(table)
