"""Describes the exports of a run from their `parity.json`."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import reason_of
from ..core.files import read_text
from ..core.names import printable
from ..core.run_layout import EXPORT_FOLDER, EXPORT_PARITY_FILE
from ..evaluation.finding import Table

_HEADER = [
    "export",
    "size",
    "compared",
    "largest difference of a probability",
    "classes that agree",
    "loss of balanced accuracy with int8",
]


class Exports(NamedTuple):
    """The exports of a run.

    Attributes:
        table: One row per export; None if there are none.
        warnings: Warnings of the comparisons with the model.
        gaps: Exports that can't be shown, and why.
    """

    table: Table | None = None
    warnings: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()


def read_exports(run: Path) -> Exports:
    """Reads the exports of a run, without running them or trusting their text."""
    rows: list[list[str]] = []
    warnings: list[str] = []
    gaps: list[str] = []
    for directory in _directories(run / EXPORT_FOLDER):
        name = printable(directory.name)
        try:
            document = json.loads(read_text(directory / EXPORT_PARITY_FILE))
            row = [name, _size(directory), *_comparison(document)]
            warnings += [f"{name}: {each}" for each in _warnings(document)]
            rows.append(row)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            reason = printable(" ".join(reason_of(error).split()))[:300]
            file = f"{EXPORT_FOLDER}/{name}/{EXPORT_PARITY_FILE}"
            gaps.append(f"not shown: {file}, because it can't be read ({reason})")
    table = Table("Exports", _HEADER, rows) if rows else None
    return Exports(table, tuple(warnings), tuple(gaps))


def _directories(folder: Path) -> Iterator[Path]:
    """Yields the directories of complete exports."""
    if folder.is_dir() and not folder.is_symlink():
        for path in sorted(folder.iterdir()):
            is_own = path.is_dir() and not path.is_symlink()
            if is_own and not path.name.startswith("."):
                yield path


def _comparison(document: Mapping[str, Any]) -> list[str]:
    images, split = int(document["images"]), printable(str(document["split"]))
    return [
        f"{images:,} {split} images",
        f"{float(document['largest_difference']):.1e}",
        f"{float(document['agreement']):.1%}",
        _loss(document.get("int8")),
    ]


def _warnings(document: Mapping[str, Any]) -> list[str]:
    int8 = document.get("int8") or {}
    found = [*document["warnings"], *int8.get("warnings", ())]
    return [printable(str(each)) for each in found]


def _loss(int8: Mapping[str, Any] | None) -> str:
    if int8 is None:
        return ""
    loss = int8["scores"]["balanced_accuracy"]["loss"]
    low, high = loss["interval"]
    return f"{float(loss['value']):.3f} ({float(low):.3f} to {float(high):.3f})"


def _size(directory: Path) -> str:
    files = (Path(place, name) for place, _, names in os.walk(directory) for name in names)
    return f"{sum(file.lstat().st_size for file in files) / 1e6:,.1f} MB"
