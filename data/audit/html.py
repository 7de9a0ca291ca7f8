"""Writes an audit as one self-contained HTML page."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from ...core.files import write_text_atomic
from ...core.html import page_environment, read_resource
from ..copies.near_pairs import MAX_CROP, MIN_CORRELATION
from ..files.thumbnails import thumbnail_of_file
from .audit import Audit
from .findings import conflicting_classes, facts, findings, spoils_a_run

MOST_GROUPS = 200
MOST_IMAGES = 24
MOST_ROWS = 500
MOST_DOUBTS = 200


def write_html(path: Path, audit: Audit) -> None:
    """Writes the page, which shows the images of each group of copies side by side."""
    write_text_atomic(path, page(audit))


def page(audit: Audit) -> str:
    """Renders the page as HTML with embedded style and images."""
    template = read_resource(__package__, "audit.html")
    return (
        page_environment()
        .from_string(template)
        .render(
            audit=audit,
            title=f"Audit of {len(audit.paths):,} images",
            style=Markup(read_resource(__package__, "audit.css")),
            spoils=spoils_a_run(audit),
            findings=findings(audit),
            facts=facts(audit),
            splits=list(_splits(audit)),
            conflicting=conflicting_classes(audit),
            copies=list(_copies(audit)),
            files=list(_odd_files(audit)),
            judged=audit.labels_judged,
            thumbnail_of_file=thumbnail_of_file,
            most_doubts=MOST_DOUBTS,
            thumbnail=functools.cache(lambda row: thumbnail_of_file(audit.paths[row])),
            most_groups=MOST_GROUPS,
            most_images=MOST_IMAGES,
            most_rows=MOST_ROWS,
            max_crop=MAX_CROP,
            min_correlation=MIN_CORRELATION,
        )
    )


@dataclass(frozen=True)
class _Split:
    """Data of the bar chart of one split: files, and files with conflicts, by class."""

    name: str
    counts: dict[str, int]
    conflicts: dict[str, int]
    imbalance: float | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def most(self) -> int:
        return max(1, *self.counts.values())


def _splits(audit: Audit) -> Iterator[_Split]:
    conflicts, imbalance = audit.conflict_counts(), audit.imbalance()
    for name, counts in audit.class_counts().items():
        yield _Split(name, counts, conflicts[name], imbalance.get(name))


@dataclass(frozen=True)
class _Part:
    """Groups of one kind, and the number of further groups in earlier sections."""

    kind: str
    groups: list[list[int]]
    shown_above: int


@dataclass(frozen=True)
class _Section:
    name: str
    title: str
    explanation: str
    parts: list[_Part]


def _copies(audit: Audit) -> Iterator[_Section]:
    """Yields one section per problem, without the groups of earlier sections."""
    seen: set[tuple[int, ...]] = set()
    for name, title, copies, explanation in (
        ("leaks", "Leaks", audit.leaks, "The same image in more than one split."),
        (
            "conflicts",
            "Label conflicts",
            audit.conflicts,
            "The same image filed under more than one class.",
        ),
        ("duplicates", "Copies", audit.duplicates, "The same image more than once."),
    ):
        parts: list[_Part] = []
        for kind, groups in (("exact", copies.exact), ("near", copies.near)):
            new = [rows for rows in groups if tuple(rows) not in seen]
            seen.update(map(tuple, new))
            if new:
                parts.append(_Part(kind, new, len(groups) - len(new)))
        yield _Section(name, title, explanation, parts)


def _odd_files(audit: Audit) -> Iterator[tuple[str, str, dict[int, str]]]:
    """Yields the name, title and rows of each table of files."""
    properties = audit.properties
    yield "unreadable", "Files that can't be decoded", dict(audit.unreadable)
    yield (
        "mislabeled",
        "Files whose format differs from their name",
        properties.mislabeled,
    )
    yield "giants", "Far larger than the others", properties.giants()
