"""Divides a table of images by its column of splits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...configs import DataConfig
from ...core.errors import DataError, message
from ...core.suggestion import Suggestion
from .image_index import SPLIT_NAMES
from .scan import Scan


def divide_by_column(scans: Mapping[str, Scan], config: DataConfig) -> dict[str, Scan]:
    """Divides a table with a split column into its splits.

    Raises:
        DataError: The splits contradict the settings.
    """
    parts = _by_split(scans["train"])
    problems = [
        f"data.{name} is another source of {split} images"
        for split, name, is_set in (
            ("validation", "validation", config.validation is not None),
            ("validation", "folds", config.folds is not None),
            ("test", "test", config.test is not None),
            ("test", "test_split", config.test_split > 0),
        )
        if is_set and split in parts
    ]
    if parts and config.split is not None:
        problems.append("data.split also assigns splits")
    if parts and "train" not in parts:
        problems.append("it names no training images")
    for name in ("validation", "test"):
        others = set(_by_split(scans[name])) - {name} if name in scans else set()
        if others:
            problems.append(f"in data.{name} it names images of {', '.join(others)}, too")
    if problems:
        raise DataError(
            message(
                "The split column must be consistent with the other settings, but "
                f"{'; '.join(sorted(problems))}.",
                "Remove the other settings, or ignore the column:",
                **{"data.train": config.train},
            ),
            Suggestion("", {"data.split_column": None}, "."),
        )
    return {**scans, **parts}


def _by_split(scan: Scan) -> dict[str, Scan]:
    """Returns the parts of a table by split; empty without a split column."""
    parts = {}
    for split in SPLIT_NAMES:
        rows = [row for row, each in enumerate(scan.splits) if each == split]
        if rows:
            parts[split] = _rows_of(scan, rows)
    return parts


def _rows_of(scan: Scan, rows: Sequence[int]) -> Scan:
    labels = [scan.labels[row] for row in rows]
    if scan.targets is not None:
        present = list(range(len(scan.class_names)))
    else:
        present = sorted(set(labels))
    places = {label: place for place, label in enumerate(present)}
    return replace(
        scan,
        class_names=tuple(scan.class_names[label] for label in present),
        paths=tuple(scan.paths[row] for row in rows),
        labels=tuple(places[label] for label in labels),
        groups=tuple(scan.groups[row] for row in rows),
        splits=tuple(scan.splits[row] for row in rows),
        remarks=scan.remarks if scan.splits[rows[0]] == "train" else (),
        columns={name: [each[row] for row in rows] for name, each in scan.columns.items()},
        targets=scan.targets and [scan.targets[row] for row in rows],
    )
