"""From folders or tables to the index of a run: listed, opened, cleaned and split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..configs import DataConfig, is_table
from ..core.errors import ConfigError, DataError, message
from ..core.names import did_you_mean, is_one_line
from ..core.store import Store
from .assign_splits import assign_splits, follow_written_split
from .copies import (
    copy_groups,
    differ_within,
    in_order_of_content,
    join_groups,
    named_groups,
)
from .file_records import FileRecord
from .file_remarks import problems_of_files, remarks_on_files
from .fingerprints import Fingerprints
from .index import SPLIT_NAMES, TEST, ImageIndex
from .inspection import inspect_files
from .likeness import likeness
from .policies import Dropped, Policies, apply_policies
from .remarks import remarks_on_classes
from .scan import Scan, find_split_folders, scan_folder
from .synthetic import NAME as SYNTHETIC
from .synthetic import synthetic_folder
from .table import Columns, read_table
from .tables import read_split


@dataclass(frozen=True)
class ReadIndex:
    """The table of a run and what was found on the way.

    Attributes:
        index: The files that stay, each with its split.
        dropped: The files that were left out.
        remarks: Lines on what was found.
    """

    index: ImageIndex
    dropped: list[Dropped]
    remarks: list[str]


def read_index(config: DataConfig, seed: int, store: Store) -> ReadIndex:
    """Reads the folders and tables that a configuration names.

    Args:
        config: The section `data`.
        seed: Of the split.
        store: Where findings are remembered.

    Raises:
        ConfigError: `data.train` is missing, or which fold it is about.
        DataError: A folder or its pictures would spoil a run.
    """
    _require_one_fold(config)
    scans = {
        name: _list(path, f"data.{name}", config)
        for name, path in _find_sources(config, seed, store).items()
    }
    class_names = scans["train"].class_names
    _require_plain_names(class_names)
    for name, scan in scans.items():
        _require_same_classes(class_names, scan, f"data.{name}")
    written = read_split(Path(config.split).expanduser()) if config.split else None
    index, records = _inspect(class_names, scans, store, config.check)
    ignored = [scan.ignored for scan in scans.values()]
    problems = problems_of_files(records, config.exif_orientation)
    odd = list(remarks_on_files(index.paths.tolist(), records, problems, ignored))
    if written is not None:
        index = follow_written_split(index, written)
    index, dropped, remarks = apply_policies(index, problems, _policies(config))
    index, found = assign_splits(index, config, scans.keys(), seed, written)
    remarks += [*odd, *found, *remarks_on_classes(index)]
    return ReadIndex(index, dropped, remarks)


def index_of_files(paths: Sequence[str]) -> ImageIndex:
    """A table of pictures without labels, all in the test split.

    Raises:
        DataError: Some can't be decoded; all are named.
    """
    records = inspect_files(paths, None)
    bad = [f"  {p}: {r.problem}" for p, r in zip(paths, records, strict=True) if r.problem]
    if bad:
        lines = [
            "All pictures must be decodable. These are not:",
            *bad,
            "Leave them out.",
        ]
        raise DataError("\n".join(lines))
    count = len(paths)
    return ImageIndex(
        ("unknown",),
        np.array(paths, object),
        np.zeros(count, np.int32),
        np.full(count, TEST, np.int8),
        np.array([record.digest for record in records], "S32"),
        np.zeros(count, bool),
        np.arange(count),
    )


def _require_one_fold(config: DataConfig) -> None:
    if config.folds is not None and config.fold is None:
        raise ConfigError(
            message(
                f"`data.fold` must say which of the {config.folds} folds to validate on.",
                "`keraunos fit` trains all of them; else try data.fold=1.",
                **{"data.fold": None},
            )
        )


def _list(path: Path, name: str, config: DataConfig) -> Scan:
    if not is_table(str(path)):
        return scan_folder(path, name)
    root = Path(config.image_root).expanduser() if config.image_root else None
    columns = Columns(config.image_column, config.label_column, config.group_column)
    return read_table(path, root, columns, name)


def _policies(config: DataConfig) -> Policies:
    return Policies(
        config.on_unreadable, config.on_conflict, config.on_leak, config.check != "off"
    )


def _find_sources(config: DataConfig, seed: int, store: Store) -> dict[str, Path]:
    if config.train is None:
        raise ConfigError(
            message(
                "`data.train` must be a folder of pictures, or a table.",
                "Try data.train=FOLDER with one folder of pictures per class.",
                **{"data.train": None},
            )
        )
    root = Path(config.train).expanduser()
    if config.train == SYNTHETIC:
        root = synthetic_folder(store, seed)
    named = {
        name: Path(path).expanduser()
        for name, path in (("validation", config.validation), ("test", config.test))
        if path is not None
    }
    return {"train": root} | find_split_folders(root) | named


def _require_plain_names(class_names: Sequence[str]) -> None:
    """Names go into files with a name a line."""
    odd = [name for name in class_names if not is_one_line(name)]
    if odd:
        raise DataError(
            message(
                "The name of a class must be one line of text in UTF-8.",
                "Rename its folder, or its label in the table.",
                classes=odd,
            )
        )


def _require_same_classes(wanted: tuple[str, ...], scan: Scan, name: str) -> None:
    extra = [each for each in scan.class_names if each not in wanted]
    if not extra:
        return
    hints = [f"{each} ({did_you_mean(each, wanted)})".replace(" ()", "") for each in extra]
    raise DataError(
        message(
            f"`{name}` must have no class that `data.train` lacks; it has "
            f"{', '.join(hints)}.",
            "Rename or remove those folders. The classes of data.train are "
            f"{', '.join(wanted)}.",
            **{name: str(scan.root)},
        )
    )


def _inspect(
    class_names: tuple[str, ...],
    scans: Mapping[str, Scan],
    store: Store,
    check: Literal["copies", "full", "off"],
) -> tuple[ImageIndex, list[FileRecord]]:
    paths = [path for scan in scans.values() for path in scan.paths]
    labels = _labels(class_names, scans)
    splits = [SPLIT_NAMES.index(name) for name, scan in scans.items() for _ in scan.paths]
    fingerprints = Fingerprints(store) if check == "full" else None
    records = inspect_files(paths, store, fingerprints)
    digests = np.array([record.digest for record in records], "S32")
    copies = np.arange(len(paths)) if check == "off" else copy_groups(digests)
    groups = join_groups(
        copies, named_groups([g for s in scans.values() for g in s.groups])
    )
    if fingerprints is not None:
        usable = [b"" if record.problem else record.digest for record in records]
        groups = join_groups(groups, likeness(usable, fingerprints).near)
    index = ImageIndex(
        class_names,
        np.array(paths, object),
        labels,
        np.array(splits, np.int8),
        digests,
        differ_within(copies, labels),
        in_order_of_content(groups, digests),
    )
    return index, records


def _labels(
    class_names: tuple[str, ...], scans: Mapping[str, Scan]
) -> npt.NDArray[np.int32]:
    places = {name: place for place, name in enumerate(class_names)}
    labels = [
        places[scan.class_names[label]] for scan in scans.values() for label in scan.labels
    ]
    return np.array(labels, np.int32)
