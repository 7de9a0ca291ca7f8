"""`keraunos runs`: list the runs in a folder and their states."""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from ...core.console import PlainConsole
from ..console import fits, show, show_table
from ..listed_runs import ListedRun, list_runs
from ..run_directories import RUNS
from ..states import state_text
from ..typed_command import typed


def runs(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="A folder of runs, or the directory of a search or folds.",
        ),
    ] = RUNS,
) -> None:
    """List runs: state, epochs, scores, age, and how to continue each."""
    listed = list_runs(folder)
    if not listed:
        show(f"No runs in {folder}. Start one: keraunos fit quickstart")
        return
    table = _table(listed, folder)
    if fits(table):
        show_table(table)
    else:
        _show_blocks(listed)
    _show_commands(listed)


def _table(listed: Sequence[ListedRun], folder: Path) -> Table:
    others = ("state", "progress", "validation", "test", "age")
    table = Table(
        Column("run", no_wrap=True), *others, box=None, pad_edge=False, header_style="bold"
    )
    for each in listed:
        cells = (each.progress, each.score, each.test, each.age)
        name = os.path.relpath(each.directory, folder)
        table.add_row(name if name != "." else str(folder), state_text(each.state), *cells)
    return table


def _show_blocks(listed: Sequence[ListedRun]) -> None:
    """Prints one value per line, for terminals on which a table would break words."""
    console = PlainConsole(file=sys.stdout)
    for each in listed:
        show(str(each.directory))
        console.print(Text("  ").append_text(state_text(each.state)))
        test = each.test and f"test {each.test}"
        for value in (each.progress, each.score, test, each.age and f"{each.age} ago"):
            if value:
                show(f"  {value}")


def _show_commands(listed: Sequence[ListedRun]) -> None:
    """Prints the number of runs in each state, and the commands that continue them."""
    states = Counter(each.state for each in listed)
    show("")
    show(", ".join(f"{number} {state}" for state, number in states.items()))
    open_runs = [each for each in listed if each.state not in ("finished", "not a run")]
    for command in dict.fromkeys(each.next_command for each in open_runs):
        show(f"  {command}")
    done = [each for each in listed if each.state == "finished"]
    if done:
        newest = done[-1]
        show(f"Look at one: {typed('show', newest.directory)}")
