"""`keraunos audit`: check image folders for problems that would spoil a training run."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.errors import ConfigError, DataError, message
from ...core.names import printable
from ..console import show, show_table
from ..output_file import require_writable, writing

if TYPE_CHECKING:
    from rich.table import Table

    from ...data.audit.audit import Audit

    Counts = Mapping[str, Mapping[str, int]]

MOST_EXAMPLES = 3
MOST_COPIES = 5
MOST_CLASSES = 50


class Check(StrEnum):
    """Which duplicates to look for."""

    COPIES = "copies"
    FULL = "full"


class Layout(StrEnum):
    """How to read the folders below a folder."""

    AUTO = "auto"
    CLASSES = "classes"
    SPLITS = "splits"


class FindBy(StrEnum):
    """How to recognize image files."""

    EXTENSION = "extension"
    CONTENT = "content"


def audit(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...",
            help="Image folders with one folder per class: a single one, those of train, "
            "validation and test, or the folder that contains these. Or the directory of a "
            "run or of its folds, to check its images and labels that its models doubt.",
        ),
    ],
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all findings as JSON.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write an HTML page that also shows the images."),
    ] = None,
    check: Annotated[
        Check, typer.Option(help="`full` also looks for near copies.")
    ] = Check.FULL,
    layout: Annotated[
        Layout | None,
        typer.Option(
            help="How to read the folders below each FOLDER.",
            show_default="auto",
        ),
    ] = None,
    find_images_by: Annotated[
        FindBy | None,
        typer.Option(
            help="`content` also opens files with other extensions.",
            show_default="extension",
        ),
    ] = None,
    max_megapixels: Annotated[
        float | None,
        typer.Option(
            min=0.001, help="Treat larger images as unreadable.", show_default="64"
        ),
    ] = None,
    cache_dir: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Cache that audits and runs share."),
    ] = None,
) -> None:
    """Check image folders, or the data of a run, for problems.

    Exits with 0 if nothing would spoil training, and with 3 otherwise.
    """
    for option, file in (("--json", json), ("--html", html)):
        if file is not None:
            require_writable(file, option)
    from ...core.files import write_json_atomic
    from ...data.audit.findings import spoils_a_run, to_json
    from ...data.audit.html import write_html

    of_folders = {
        "layout": layout,
        "find_images_by": find_images_by,
        "max_megapixels": max_megapixels,
    }
    given = {name: value for name, value in of_folders.items() if value is not None}
    found = _audit(folders, check, cache_dir, given)
    if json is not None:
        with writing(json, "--json") as place:
            write_json_atomic(place, to_json(found))
    if html is not None:
        with writing(html, "--html") as place:
            write_html(place, found)
    _show(found)
    if spoils_a_run(found):
        pages = "" if html else " --html FILE shows the images."
        show(f"This data would spoil a training run.{pages}")
        raise typer.Exit(DataError.exit_code)
    show("Nothing here would spoil a training run.")


def _audit(
    folders: list[Path], check: Check, cache_dir: Path | None, options: dict[str, Any]
) -> "Audit":
    """Audits a run if one is given, otherwise image folders."""
    from ...core.shared_store import open_store
    from ...data.audit.audit import audit_folders
    from ..audited_run import audit_run, find_run

    run = find_run(folders)
    if run is None:
        return audit_folders(folders, open_store(cache_dir), check.value, **options)
    if options:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in options)
        raise ConfigError(
            message(
                f"The configuration of a run determines {names}.",
                "Leave it out, or name the image folders.",
                **options,
            )
        )
    return audit_run(run, check.value, cache_dir)


def _show(found: "Audit") -> None:
    from ...data.audit.findings import conflicting_classes, facts, findings

    show_table(_class_table(found))
    show(facts(found))
    for each in findings(found):
        show(f"{'✕' if each.spoils else '•'} {printable(each.text)}")
        if each.advice:
            show(f"    {each.advice}")
    if conflicting_classes(found):
        show("where labels conflict:")
    conflicting = conflicting_classes(found)
    for places, count in conflicting[:MOST_CLASSES]:
        show(f"  {count:,} filed under {printable(' and '.join(places))}")
    if len(conflicting) > MOST_CLASSES:
        show(f"  and {len(conflicting) - MOST_CLASSES:,} more")
    _show_doubts(found)
    _show_files("can't be decoded", found, found.unreadable)
    _show_files("named wrongly", found, found.properties.mislabeled)
    _show_files("giants", found, found.properties.giants())
    _show_groups("leaks, near", found, found.leaks.near)
    _show_groups("leaks", found, found.leaks.exact)
    _show_groups("label conflicts, near", found, found.conflicts.near)
    _show_groups("label conflicts", found, found.conflicts.exact)
    _show_groups("near copies", found, found.duplicates.near)


def _class_table(found: "Audit") -> "Table":
    from rich.table import Table

    counts, conflicts = found.class_counts(), found.conflict_counts()
    table = Table("class", title=f"{len(found.paths):,} image files", show_footer=True)
    table.columns[0].footer = "all (imbalance)"
    for split, classes in counts.items():
        ratio = found.imbalance().get(split)
        total = f"{sum(classes.values()):,}" + (f" ({ratio:.1f})" if ratio else "")
        table.add_column(printable(split), justify="right", footer=total)
        if any(conflicts[split].values()):
            table.add_column("conflict", justify="right", style="red")
    for name in found.class_names[:MOST_CLASSES]:
        table.add_row(printable(name), *_cells(name, counts, conflicts))
    left = len(found.class_names) - MOST_CLASSES
    if left > 0:
        table.caption = f"and {left:,} more classes, see --json"
    return table


def _cells(name: str, counts: "Counts", conflicts: "Counts") -> Iterator[str]:
    for split, classes in counts.items():
        yield f"{classes[name]:,}" if name in classes else "-"
        if any(conflicts[split].values()):
            count = conflicts[split].get(name, 0)
            yield f"{count:,}" if count else ""


def _show_doubts(found: "Audit") -> None:
    judged = found.labels_judged
    if judged is not None:
        lines = [
            f"{each.file}: {each.label} ({each.probability_of_label:.1%}), or "
            f"{each.suggestion} ({each.probability_of_suggestion:.1%})"
            for each in judged.in_doubt
        ]
        _show_some("labels in doubt", lines)


def _show_files(what: str, found: "Audit", reasons: Mapping[int, str]) -> None:
    lines = [f"{found.paths[row]}: {reason}" for row, reason in reasons.items()]
    _show_some(what, lines)


def _show_groups(what: str, found: "Audit", groups: Sequence[Sequence[int]]) -> None:
    def line(rows: Sequence[int]) -> str:
        left = len(rows) - MOST_COPIES
        some = " = ".join(found.paths[row] for row in rows[:MOST_COPIES])
        return f"{some} and {left:,} more" if left > 0 else some

    _show_some(what, [line(rows) for rows in groups])


def _show_some(what: str, lines: Sequence[str]) -> None:
    if lines:
        show(f"{what}:")
        for line in lines[:MOST_EXAMPLES]:
            show(f"  {printable(line)}")
        if len(lines) > MOST_EXAMPLES:
            show(f"  and {len(lines) - MOST_EXAMPLES:,} more")
