"""Compares runs with the first one on the same test images."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table as RichTable

from ..core.errors import ConfigError, message
from ..core.files import write_csv
from ..evaluation.comparisons.paired import compare_paired
from ..evaluation.finding import Finding, Table
from ..report.tested_run import read_tested_run
from .console import notify, show, show_table
from .output_file import writing

_HEADER = (
    "first", "second", "images", "score", "first_value", "second_value", "difference",
    "low", "high",
)  # fmt: skip


def compare_with_first(runs: Sequence[Path], csv: Path | None = None) -> None:
    """Prints the difference between each run and the first, with its interval.

    Args:
        runs: At least two run directories.
        csv: A CSV file to also write the differences to, or None.

    Raises:
        ConfigError: There is only one run, or the test images differ.
    """
    if len(runs) < 2:
        raise ConfigError(
            message(
                "--paired compares each run with the first: there must be at least two.",
                runs=[str(run) for run in runs],
            )
        )
    first, *others = [read_tested_run(run) for run in runs]
    findings = [compare_paired(first, other) for other in others]
    if csv is not None:
        with writing(csv, "--csv") as place:
            write_csv(place, _HEADER, [row for each in findings for row in _rows(each)])
    for finding in findings:
        _show(finding)


def _show(finding: Finding) -> None:
    show(f"first: {finding.values['first']}")
    show(f"second: {finding.values['second']}")
    for table in finding.tables:
        show_table(_as_rich(table))
    for sentence in finding.conclusions:
        show(sentence)
    for warning in finding.warnings:
        notify(warning)


def _as_rich(table: Table) -> RichTable:
    shown = RichTable(*table.header, title=table.title, title_justify="left")
    for row in table.rows:
        shown.add_row(*(str(cell) for cell in row))
    return shown


def _rows(finding: Finding) -> Iterator[list[Any]]:
    values = finding.values
    for name, score in values["scores"].items():
        yield [
            values["first"],
            values["second"],
            values["images"],
            name,
            score["first"],
            score["second"],
            score["difference"],
            *score["interval"],
        ]
