"""What the command line says: results to standard output, all else to standard error."""

import json
import sys

from rich.console import Console
from rich.table import Table

_format = ["text"]


def use_format(name: str) -> None:
    """Chooses how lines to standard error are written: as `text` or `json`."""
    _format[0] = name


def uses_json() -> bool:
    """Whether lines to standard error are objects of JSON."""
    return _format[0] == "json"


def say(text: str) -> None:
    """Writes a line for people to standard error; in JSON it is a `message`."""
    if uses_json():
        print(json.dumps({"message": text}), file=sys.stderr, flush=True)
        return
    Console(file=sys.stderr, highlight=False, soft_wrap=True).print(text, markup=False)


def show(text: str) -> None:
    """Writes a line of the result to standard output."""
    Console(highlight=False, soft_wrap=True).print(text, markup=False)


def show_table(table: Table) -> None:
    """Writes a table to standard output."""
    Console(highlight=False).print(table)
