"""`keraunos show`: summarize one run."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ...core import run_layout as layout
from ...core.checked_files import is_absent, read_checked_text
from ...core.counted import counted
from ...core.errors import ConfigError, KeraunosError, message
from ..changed_settings import ChangedSettings, read_changed_settings, read_command
from ..console import show as write
from ..listed_runs import ListedRun, duration_text, list_runs, listed_run
from ..run_summary import read_epochs, read_scores
from ..typed_command import typed

_FILES = (
    *(layout.MODEL_FILE, layout.REPORT_FILE, layout.MODEL_CARD_FILE, layout.CURVES_IMAGE),
    *(layout.CONFUSION_MATRIX_IMAGE, layout.MISTAKES_IMAGE, layout.PREDICTIONS_FILE),
    *(layout.CONFIG_FILE, layout.CHECKPOINTS_FOLDER, layout.EXPORT_FOLDER),
)
_SPLITS = ("train", "validation", "test")


def show(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Directory of a run, of its folds, or of a search."
        ),
    ],
) -> None:
    """Show one run: settings, data, state, best epoch, scores, files, next command."""
    listed = listed_run(run)
    if listed.kind == "other":
        raise ConfigError(
            message(
                "RUN must be a run directory.",
                f"`{typed('runs', run)}` lists those below it." if run.is_dir() else "",
                run=str(run),
            )
        )
    write(f"{run}: {listed.state}" + (f", {listed.age} ago" if listed.age else ""))
    for line in _lines_of_run(run) if listed.kind == "run" else _lines_of_parts(listed):
        write(line)
    write(f"next: {listed.next_command}")


def _lines_of_parts(listed: ListedRun) -> Iterator[str]:
    """Describes the runs of a search or of folds, one line each."""
    yield from filter(None, _values(listed))
    for part in list_runs(listed.directory):
        values = filter(None, (part.state, *_values(part)))
        yield f"  {part.directory.name}: {', '.join(values)}"


def _values(listed: ListedRun) -> tuple[str, ...]:
    return listed.progress, listed.score, listed.test and f"test {listed.test}"


def _lines_of_run(run: Path) -> Iterator[str]:
    command = read_command(run)
    if command:
        yield f"command: {command}"
    changed: ChangedSettings | None = None
    if (run / layout.CONFIG_FILE).is_file():
        try:
            changed = read_changed_settings(run)
        except KeraunosError as error:
            yield f"settings: {error}"
    if changed is not None:
        yield f"settings, compared with {changed.compared_with}:"
        yield from (f"  {line}" for line in changed.differing or ["no difference"])
    for read in (_data, _training, _scores):
        try:
            yield from read(run, changed)
        except (KeraunosError, ValueError, KeyError, TypeError, csv.Error) as error:
            yield f"damaged: {error}"
    files = [name for name in _FILES if (run / name).exists()]
    yield f"files: {', '.join(files) or 'none yet'}"


def _data(run: Path, changed: ChangedSettings | None) -> Iterator[str]:
    del changed
    file = run / layout.SPLIT_FILE
    if not file.exists():
        return
    rows = list(csv.DictReader(io.StringIO(read_checked_text(file))))
    counts = Counter(row["split"] for row in rows)
    classes = len({row["class"] for row in rows if row.get("class")})
    known = [f"{counts[name]:,} {name}" for name in _SPLITS if counts[name]]
    named = f"; {counted(classes, 'class')}" if classes else ""
    yield f"images: {', '.join(known) or 'none'}{named}"


def _training(run: Path, changed: ChangedSettings | None) -> Iterator[str]:
    if is_absent(run / layout.METRICS_FILE):
        yield "epochs: none finished"
        return
    epochs = read_epochs(run)
    most = f" of {changed.max_epochs}" if changed and changed.max_epochs else ""
    yield f"epochs: {epochs.count}{most}, {duration_text(epochs.seconds)}"
    best = epochs.best
    if best is None:
        return
    other = "" if epochs.score_name == best.metric else f", {epochs.score_name} "
    score = f"{other}{epochs.score:.4g}" if other else ""
    exported = " (exported)" if best.is_exported else ""
    yield f"best epoch: {best.epoch}, {best.metric} {best.value:.4g}{score}{exported}"


def _scores(run: Path, changed: ChangedSettings | None) -> Iterator[str]:
    del changed
    scores = read_scores(run)
    intervals = scores.get("intervals", {})
    for name, value in scores.items():
        if isinstance(value, float):
            yield f"test {name.replace('_', ' ')}: {value:.4g}{_interval(intervals, name)}"


def _interval(intervals: dict[str, Any], name: str) -> str:
    if name not in intervals:
        return ""
    low, high = intervals[name]
    return f" [{low:.3f}, {high:.3f}]"
