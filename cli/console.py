"""What the command line says: results to standard output, all else to standard error."""

import sys

from rich.console import Console
from rich.table import Table


def say(text: str) -> None:
    """Writes a line for people to standard error."""
    Console(file=sys.stderr, highlight=False, soft_wrap=True).print(text, markup=False)


def show(text: str) -> None:
    """Writes a line of the result to standard output."""
    Console(highlight=False, soft_wrap=True).print(text, markup=False)


def show_table(table: Table) -> None:
    """Writes a table to standard output."""
    Console(highlight=False).print(table)
