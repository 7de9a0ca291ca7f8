"""Audits data sets for problems that would stop or invalidate a run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...configs import DataConfig
from ...configs.choices import CopyCheck, FindImagesBy, Layout
from ...core.errors import DataError, message
from ...core.store import Store
from ...evaluation.label_doubts import JudgedLabels
from ..copies.find_copies import Copies, find_copies
from ..copies.groups import Groups, differ_within
from ..files.file_records import FileRecord
from ..files.fingerprints import Fingerprints
from ..files.inspect import inspect_files
from ..files.pixel_rules import MAX_MEGAPIXELS, PixelRules
from ..files.problems import unused_bits
from ..index.layout import Setting, find_splits, unused_folders
from ..index.scan import Scan, list_folder
from ..index.sources import list_sources, require_apart
from ..index.split_names import UNCLEAR, split_of
from .properties import ImageProperties, image_properties


@dataclass(frozen=True)
class CopyGroups:
    """Groups of rows that show the same image, in the order of the files.

    Attributes:
        exact: Groups with identical bytes or decoded pixels.
        near: Groups with different encodings, scales or crops of an image.
    """

    exact: list[list[int]]
    near: list[list[int]]

    def __len__(self) -> int:
        """Returns the number of groups of both kinds."""
        return len(self.exact) + len(self.near)


@dataclass(frozen=True)
class Audit:
    """The results of an audit, with one row per file.

    Attributes:
        roots: Folder of each split, by name of the split.
        class_folders: Names of the class folders of each split, including empty ones.
        class_names: All classes of all splits.
        paths: Image files.
        labels: `(rows,)`: positions in `class_names`.
        splits: `(rows,)`: positions in `roots`.
        unreadable: By row, why a file can't be used.
        ignored: Number of skipped files by extension.
        duplicates: All groups of copies.
        conflicts: Groups of copies with different classes.
        leaks: Groups of copies in different splits.
        properties: Formats, sizes and the like.
        remarks: Remarks on folders that were skipped or are nested deeply.
        unused_bits: Remark on images that use fewer than 16 bits; may be empty.
        labels_judged: Doubtful labels, if a run was audited.
    """

    roots: Mapping[str, Path]
    class_folders: Mapping[str, tuple[str, ...]]
    class_names: tuple[str, ...]
    paths: list[str]
    labels: npt.NDArray[np.int32]
    splits: npt.NDArray[np.int8]
    unreadable: Mapping[int, str]
    ignored: Mapping[str, int]
    duplicates: CopyGroups
    conflicts: CopyGroups
    leaks: CopyGroups
    properties: ImageProperties
    remarks: tuple[str, ...] = ()
    unused_bits: str = ""
    labels_judged: JudgedLabels | None = None

    def class_counts(self) -> dict[str, dict[str, int]]:
        """Returns the number of image files by split and class."""
        return self._counts(slice(None))

    def conflict_counts(self) -> dict[str, dict[str, int]]:
        """Returns the number of files with a copy in another class, by split and class."""
        groups = [*self.conflicts.exact, *self.conflicts.near]
        return self._counts(sorted({row for rows in groups for row in rows}))

    def imbalance(self) -> dict[str, float]:
        """Returns the ratio of the largest to the smallest nonempty class, by split."""
        return {
            split: max(counts.values()) / min(filter(None, counts.values()))
            for split, counts in self.class_counts().items()
            if any(counts.values())
        }

    def split_of(self, row: int) -> str:
        """Returns the name of the split of a file."""
        return list(self.roots)[self.splits[row]]

    def class_of(self, row: int) -> str:
        """Returns the name of the class of a file."""
        return self.class_names[self.labels[row]]

    def _counts(self, rows: list[int] | slice) -> dict[str, dict[str, int]]:
        places = {name: place for place, name in enumerate(self.class_names)}
        shape = (len(self.roots), len(self.class_names))
        cells = self.splits[rows].astype(np.intp) * shape[1] + self.labels[rows]
        matrix = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
        return {
            split: {name: int(counts[places[name]]) for name in self.class_folders[split]}
            for split, counts in zip(self.roots, matrix, strict=True)
        }


def audit_folders(
    roots: Sequence[Path],
    store: Store,
    check: CopyCheck = "full",
    layout: Layout = "auto",
    find_images_by: FindImagesBy = "extension",
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Audit:
    """Audits folders of images.

    Args:
        roots: Folders that contain one folder of images per class, or such folders named
            train, val and test.
        store: Caches the results, so that unchanged files are not opened again.
        check: `"copies"` finds copies; `"full"` finds near copies, too.
        layout: Whether the subfolders are classes or splits; `"auto"` infers it from
            their names.
        find_images_by: How images are recognized; see `scan_folder`.
        max_megapixels: Larger images count as unreadable.

    Raises:
        DataError: A folder is missing or has no images, or it is unclear whether it
            contains classes or splits.
    """
    named, beside = _name_splits(roots, layout)
    require_apart(named)
    scans = {split: _list(root, find_images_by) for split, root in named.items()}
    return _audit(scans, store, check, PixelRules.of(None, max_megapixels), beside)


def audit_data(
    config: DataConfig, seed: int, store: Store, check: CopyCheck = "full"
) -> Audit:
    """Audits the folders or tables of a run, before any image is dropped.

    Args:
        config: The section `data`.
        seed: Seed of the run.
        store: See `audit_folders`.
        check: See `audit_folders`.

    Raises:
        DataError: A folder or table can't be used.
    """
    rules = PixelRules.of(config.bit_depth, config.max_megapixels)
    found = _audit(list_sources(config, seed, store), store, check, rules, ())
    return found if config.bit_depth is None else replace(found, unused_bits="")


def _audit(
    scans: Mapping[str, Scan],
    store: Store,
    check: CopyCheck,
    rules: PixelRules,
    beside: Sequence[str],
) -> Audit:
    class_names = tuple(sorted({n for scan in scans.values() for n in scan.class_names}))
    places = {name: place for place, name in enumerate(class_names)}
    paths = [path for scan in scans.values() for path in scan.paths]
    labels = [places[s.class_names[label]] for s in scans.values() for label in s.labels]
    splits = [split for split, scan in enumerate(scans.values()) for _ in scan.paths]
    fingerprints = Fingerprints(store)
    records = inspect_files(paths, store, fingerprints, rules.max_pixels)
    duplicates = _copy_groups(records, fingerprints, check)
    return Audit(
        {split: scan.root for split, scan in scans.items()},
        {split: scan.class_names for split, scan in scans.items()},
        class_names,
        paths,
        np.array(labels, np.int32),
        np.array(splits, np.int8),
        {row: record.problem for row, record in enumerate(records) if record.problem},
        dict(sum((Counter(scan.ignored) for scan in scans.values()), Counter())),
        duplicates,
        _with_differing_values(duplicates, labels),
        _with_differing_values(duplicates, splits),
        image_properties(paths, records, fingerprints),
        (*beside, *(line for scan in scans.values() for line in scan.remarks)),
        unused_bits(records, "data.bit_depth"),
    )


def _name_splits(
    roots: Sequence[Path], layout: Layout
) -> tuple[dict[str, Path], list[str]]:
    """Returns folders by name of their split, and remarks on skipped folders."""
    named: dict[str, Path] = {}
    remarks: list[str] = []
    for root in roots:
        found = find_splits(root, layout, Setting("FOLDER", "--layout"))
        remarks += unused_folders(root, found, "FOLDER") if found else []
        for split, folder in (found or {_split_name(root): root}).items():
            named[str(folder) if split in named else split] = folder
    return named, remarks


def _split_name(root: Path) -> str:
    name = root.resolve().name
    split = split_of(name)
    return split if split not in (None, UNCLEAR) else name


def _list(root: Path, by: FindImagesBy) -> Scan:
    scan = list_folder(root, "FOLDER", by)
    if not scan.paths:
        raise DataError(
            message(
                "Each folder must contain images in one folder per class.",
                "Name the folder above the class folders.",
                FOLDER=str(root),
            )
        )
    return scan


def _copy_groups(
    records: Sequence[FileRecord], fingerprints: Fingerprints, check: CopyCheck
) -> CopyGroups:
    digests = [record.digest for record in records]
    alike = find_copies(digests, fingerprints, near=check == "full")
    return CopyGroups(_members(alike.same), _near_members(alike))


def _near_members(alike: Copies) -> list[list[int]]:
    mixed = differ_within(alike.near, alike.same)
    return [group for group in _members(alike.near) if mixed[group[0]]]


def _members(groups: Groups) -> list[list[int]]:
    """Returns the rows of each group with at least two."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order])) + 1
    found = [part.tolist() for part in np.split(order, starts) if len(part) > 1]
    return sorted(found)


def _with_differing_values(copies: CopyGroups, values: Sequence[int]) -> CopyGroups:
    def differing(groups: list[list[int]]) -> list[list[int]]:
        return [rows for rows in groups if len({values[row] for row in rows}) > 1]

    return CopyGroups(differing(copies.exact), differing(copies.near))
