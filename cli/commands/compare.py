"""`keraunos compare`: compare runs, one row per run."""

import itertools
import math
import os
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from ...core.counted import counted
from ...core.files import write_csv
from ...core.run_layout import FOLD, TRIAL
from ..console import fits, show, show_table
from ..output_file import writing
from ..run_summary import RunSummary, find_runs, read_run

# Where a run writes does not affect what it computes.
_PLACES = ("run_dir", "cache_dir")
_SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "macro_roc_auc")


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run directories, or folders that contain runs, trials or folds.",
        ),
    ],
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write all columns as CSV.")
    ] = None,
    paired: Annotated[
        bool,
        typer.Option(
            "--paired",
            help="Compare each run with the first on the same test images: difference with "
            "interval, and McNemar's test.",
        ),
    ] = False,
) -> None:
    """Compare the settings, scores and duration of runs.

    Shows the settings that differ, and scores with 95% intervals. A trial over folds is
    one run, with the mean of its folds.
    """
    if paired:
        from ..paired_runs import compare_with_first  # loads SciPy

        compare_with_first(find_runs(runs), csv)
        return
    summaries = list(_summaries(runs))
    differing = differing_settings(summaries)
    if csv is not None:
        header, rows = as_rows(summaries, differing)
        with writing(csv, "--csv") as place:
            write_csv(place, header, rows)
    table = _table(summaries, differing)
    if fits(table):
        show_table(table)
    else:
        _show_blocks(summaries, differing)
    count = len(summaries)
    same = "" if differing or count == 1 else " Their settings are the same."
    show(f"{counted(count, 'run')}.{same}")


def _summaries(paths: Sequence[Path]) -> Iterator[RunSummary]:
    """Yields the runs at or below the paths; folds of a trial as one, unless named."""
    named = {path.resolve() for path in paths}

    def trial_of(run: Path) -> Path | None:
        is_fold = FOLD.fullmatch(run.name) and TRIAL.fullmatch(run.parent.name)
        return run.parent if is_fold and run.resolve() not in named else None

    for trial, runs in itertools.groupby(find_runs(paths), trial_of):
        summaries = map(read_run, runs)
        yield from summaries if trial is None else [_over_folds(trial, list(summaries))]


def _over_folds(trial: Path, folds: Sequence[RunSummary]) -> RunSummary:
    """Returns a trial with the mean score of its folds, and their total duration."""
    scores = [each.score for each in folds if each.score is not None]
    deviation = statistics.stdev(scores) if len(scores) > 1 else None
    return replace(
        folds[0],
        directory=trial,
        settings={n: v for n, v in folds[0].settings.items() if n != "data.fold"},
        epochs=max(each.epochs for each in folds),
        seconds=sum(each.seconds for each in folds),
        score=statistics.fmean(scores) if scores else None,
        standard_error=None if deviation is None else deviation / math.sqrt(len(scores)),
    )


def differing_settings(summaries: Sequence[RunSummary]) -> list[str]:
    """Returns the names of the settings that differ between runs, in their order."""
    names = dict.fromkeys(name for each in summaries for name in each.settings)
    return [
        name
        for name in names
        if name not in _PLACES
        and len({repr(each.settings.get(name)) for each in summaries}) > 1
    ]


def as_rows(
    summaries: Sequence[RunSummary], differing: Sequence[str]
) -> tuple[list[str], list[list[Any]]]:
    """Returns the header and one row per run, for a CSV file."""
    header = ["run", *differing, "epochs", "seconds", "best_by", "best"]
    header += [f"test_{name}{end}" for name in _SCORES for end in ("", "_low", "_high")]
    rows = []
    for each in summaries:
        row = [str(each.directory), *(each.settings.get(name, "") for name in differing)]
        row += [each.epochs, round(each.seconds, 1), each.score_name, each.score]
        for name in _SCORES:
            interval = each.test.get("intervals", {}).get(name, ("", ""))
            row += [each.test.get(name, ""), *interval]
        rows.append(row)
    return header, rows


def _table(summaries: Sequence[RunSummary], differing: Sequence[str]) -> Table:
    """Returns one row per run, with settings and scores stacked to fit on any screen."""
    columns = [Column("run", no_wrap=True)]
    columns += [Column("what differs", no_wrap=True)] if differing else []
    columns += [Column("scores", no_wrap=True), Column("epochs", justify="right")]
    table = Table(*columns, Column("seconds", justify="right"), show_lines=True)
    for each in summaries:
        cells = [_name(each)]
        if differing:
            cells.append("\n".join(_settings(each, differing)))
        cells += ["\n".join(_scores(each)), str(each.epochs), f"{each.seconds:.1f}"]
        table.add_row(*cells)
    return table


def _show_blocks(summaries: Sequence[RunSummary], differing: Sequence[str]) -> None:
    """Prints one value per line, for terminals on which a table would break words."""
    for each in summaries:
        show(_name(each))
        duration = f"{counted(each.epochs, 'epoch')} in {each.seconds:.1f} s"
        for line in (*_settings(each, differing), *_scores(each), duration):
            show(f"  {line}")


def _name(summary: RunSummary) -> str:
    return min(str(summary.directory), os.path.relpath(summary.directory), key=len)


def _settings(summary: RunSummary, differing: Sequence[str]) -> Iterator[str]:
    for name in differing:
        value = summary.settings.get(name, "-")
        yield f"{name}={_number(value) if isinstance(value, float) else value}"


def _scores(summary: RunSummary) -> Iterator[str]:
    if summary.score_name is not None:
        error = summary.standard_error
        which = "best epoch" if error is None else "mean over folds"
        spread = "" if error is None else f" ± {error:.2g}"
        yield f"{which}: {summary.score_name} {_number(summary.score)}{spread}"
    for name in _SCORES:
        if name in summary.test:
            text = f"test {name.replace('_', ' ')} {_number(summary.test[name])}"
            interval = summary.test.get("intervals", {}).get(name)
            yield text + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
