"""From folders to the table of a run: listed, opened, cleaned and split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..configs import DataConfig
from ..core.errors import ConfigError, DataError, message
from ..core.names import did_you_mean
from ..core.store import Store
from .copies import copy_groups, differ_within
from .index import SPLIT_NAMES, TEST, TRAIN, VALIDATION, ImageIndex
from .inspection import inspect_files
from .policies import Dropped, Policies, apply_policies
from .scan import Scan, find_split_folders, scan_folder
from .split import hold_out
from .synthetic import NAME as SYNTHETIC
from .synthetic import synthetic_folder


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
    """Reads the folders that a configuration names.

    Args:
        config: The section `data`.
        seed: Of the split.
        store: Where findings are remembered.

    Raises:
        ConfigError: `data.train` is missing.
        DataError: A folder or its pictures would spoil a run.
    """
    scans = {
        name: scan_folder(folder, f"data.{name}")
        for name, folder in _find_folders(config, seed, store).items()
    }
    class_names = scans["train"].class_names
    for name, scan in scans.items():
        _require_same_classes(class_names, scan, f"data.{name}")
    index, problems = _inspect(class_names, scans, store)
    policies = Policies(config.on_unreadable, config.on_conflict, config.on_leak)
    index, dropped, remarks = apply_policies(index, problems, policies)
    if "validation" not in scans:
        index = _hold_out_validation(index, config.validation_split, seed)
    return ReadIndex(index, dropped, remarks + _remarks_on_classes(index))


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
    )


def _find_folders(config: DataConfig, seed: int, store: Store) -> dict[str, Path]:
    if config.train is None:
        raise ConfigError(
            message(
                "`data.train` must be a folder of pictures.",
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
    class_names: tuple[str, ...], scans: Mapping[str, Scan], store: Store
) -> tuple[ImageIndex, dict[int, str]]:
    paths = [path for scan in scans.values() for path in scan.paths]
    labels = [
        class_names.index(scan.class_names[label])
        for scan in scans.values()
        for label in scan.labels
    ]
    splits = [SPLIT_NAMES.index(name) for name, scan in scans.items() for _ in scan.paths]
    records = inspect_files(paths, store)
    digests = np.array([record.digest for record in records], "S32")
    index = ImageIndex(
        class_names,
        np.array(paths, object),
        np.array(labels, np.int32),
        np.array(splits, np.int8),
        digests,
        differ_within(copy_groups(digests), np.array(labels)),
    )
    problems = {row: each.problem for row, each in enumerate(records) if each.problem}
    return index, problems


def _hold_out_validation(index: ImageIndex, fraction: float, seed: int) -> ImageIndex:
    rows = np.flatnonzero(index.splits == TRAIN)
    groups = np.unique(copy_groups(index.digests[rows]), return_inverse=True)[1]
    held_out = hold_out(index.labels[rows], groups, fraction, seed, index.class_names)
    splits = index.splits.copy()
    splits[rows[held_out]] = VALIDATION
    return replace(index, splits=splits)


def _remarks_on_classes(index: ImageIndex) -> list[str]:
    counts = index.class_counts(TRAIN)
    missing = [
        name for name, count in zip(index.class_names, counts, strict=True) if not count
    ]
    if len(missing) > len(counts) - 2:
        raise DataError(
            message(
                "At least two classes must have training pictures.",
                "Look at dropped files and class folders with data.on_conflict=keep.",
                counts=dict(zip(index.class_names, counts.tolist(), strict=True)),
            )
        )
    if missing:
        names = ", ".join(missing)
        return [f"no training pictures are left of {names}: it can't be learnt"]
    return []
