"""From folders or tables to the index of a run: listed, opened, cleaned and split."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...configs import DataConfig
from ...core.errors import ConfigError, message
from ...core.store import Store
from ...core.user_path import user_path
from ..copies.exact import (
    copy_groups,
    differ_within,
    in_order_of_content,
    join_groups,
    named_groups,
)
from ..copies.fingerprints import Fingerprints
from ..copies.similarity import likeness
from ..files.bit_depth import remarks_on_bits, require_bit_depth
from ..files.file_remarks import problems_of_files, remarks_on_files
from ..files.inspect import inspect_files
from ..files.pixel_rules import PixelRules
from ..files.records import FileRecord
from .assign import assign_splits, follow_written_split
from .class_remarks import remarks_on_classes
from .image_index import SPLIT_NAMES, ImageIndex
from .policies import Dropped, Policies, apply_policies
from .scan import Scan
from .sources import list_sources
from .split_table import read_split


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
    scans = list_sources(config, seed, store)
    class_names = scans["train"].class_names
    written = read_split(user_path(config.split)) if config.split else None
    max_pixels = PixelRules.of(config.bit_depth, config.max_megapixels).max_pixels
    index, records = _inspect(class_names, scans, store, config.check, max_pixels)
    require_bit_depth(records, config.bit_depth)
    ignored = [scan.ignored for scan in scans.values()]
    problems = problems_of_files(records, config.exif_orientation, config.bit_depth)
    odd = list(remarks_on_files(index.paths.tolist(), records, problems, ignored))
    if written is not None:
        index = follow_written_split(index, written)
    index, dropped, remarks = apply_policies(index, problems, _policies(config))
    index, found = assign_splits(index, config, scans.keys(), seed, written)
    odd += remarks_on_bits(records, config.bit_depth)
    listed = [line for scan in scans.values() for line in scan.remarks]
    remarks += [*listed, *odd, *found, *remarks_on_classes(index)]
    return ReadIndex(index, dropped, remarks)


def _require_one_fold(config: DataConfig) -> None:
    if config.folds is not None and config.fold is None:
        raise ConfigError(
            message(
                f"`data.fold` must say which of the {config.folds} folds to validate on.",
                "`keraunos fit` trains all of them; else try data.fold=1.",
                **{"data.fold": None},
            )
        )


def _policies(config: DataConfig) -> Policies:
    return Policies(
        config.on_unreadable, config.on_conflict, config.on_leak, config.check != "off"
    )


def _inspect(
    class_names: tuple[str, ...],
    scans: Mapping[str, Scan],
    store: Store,
    check: Literal["copies", "full", "off"],
    max_pixels: int,
) -> tuple[ImageIndex, list[FileRecord]]:
    paths = [path for scan in scans.values() for path in scan.paths]
    labels = _labels(class_names, scans)
    splits = [SPLIT_NAMES.index(name) for name, scan in scans.items() for _ in scan.paths]
    fingerprints = Fingerprints(store) if check == "full" else None
    records = inspect_files(paths, store, fingerprints, max_pixels)
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
