"""Builds the index of a run: lists, inspects, cleans and splits the files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import numpy.typing as npt

from ...configs import DataConfig
from ...configs.choices import Check, CopyCheck, Task
from ...core.errors import ConfigError, DataError, message
from ...core.names import some
from ...core.store import Store
from ...core.suggestion import Suggestion
from ...core.user_path import user_path
from ..copies.find_copies import find_copies
from ..copies.groups import (
    copy_groups,
    differ_within,
    in_order_of_content,
    join_groups,
    named_groups,
)
from ..files.file_records import FileRecord
from ..files.fingerprints import Fingerprints
from ..files.inspect import inspect_files, list_unopened
from ..files.pixel_rules import PixelRules
from ..files.problems import (
    problems_of_files,
    remarks_on_bits,
    remarks_on_files,
    require_bit_depth,
)
from .assign_splits import assign_fold, assign_splits, follow_written_split
from .columns import join_columns
from .image_index import SPLIT_NAMES, TEST, TRAIN, VALIDATION, ImageIndex
from .label_checks import alike_but_for_case
from .policies import Dropped, Policies, apply_policies, describe_dropped
from .scan import Scan
from .sources import list_sources
from .split_csv import read_split

FEW = 5  # training images of a class


@dataclass(frozen=True)
class BuiltIndex:
    """The index of a run, with dropped files and remarks.

    Attributes:
        index: The files that are kept, with their splits.
        dropped: The files that were dropped, with reasons.
        remarks_on_files: Remarks on the files and on how they were divided.
        given: Names of the splits that have files of their own.
    """

    index: ImageIndex
    dropped: list[Dropped]
    remarks_on_files: list[str]
    given: frozenset[str] = frozenset({"train"})

    @property
    def remarks(self) -> list[str]:
        """Remarks on the files, and on classes with few images in some split."""
        return [*self.remarks_on_files, *_remarks_on_classes(self.index)]

    def one_fold(self, number: int, folds: int, seed: int) -> "BuiltIndex":
        """Returns the same files, with one of their folds for validation.

        Args:
            number: Number of the fold, counted from 1.
            folds: Number of folds.
            seed: Seed of the folds.

        Raises:
            DataError: Validation images are given, a class is too small for folds, or
                fewer than two classes are left to train on.
        """
        index = assign_fold(self.index, number, folds, self.given, seed, self.dropped)
        _require_two_classes(index, self.dropped)
        return replace(self, index=index)


def build_index(
    config: DataConfig, seed: int, store: Store, task: Task = "classification"
) -> BuiltIndex:
    """Builds the index from the folders and tables of a configuration.

    Args:
        config: The section `data`.
        seed: Seed of the split.
        store: Caches the results of inspections.
        task: The task.

    Raises:
        ConfigError: `data.train` is missing, or `data.fold` with `data.folds`.
        DataError: A folder or its images would spoil a run.
    """
    _require_one_fold(config)
    scans = list_sources(config, seed, store, task)
    class_names = scans["train"].class_names
    written = read_split(user_path(config.split)) if config.split else None
    max_pixels = PixelRules.of(config.bit_depth, config.max_megapixels).max_pixels
    targets = _targets(class_names, scans) if task != "classification" else None
    labels = _labels(class_names, scans) if targets is None else _number_equal_rows(targets)
    index, records = _inspect(class_names, labels, scans, store, config.check, max_pixels)
    columns = join_columns(scans.values(), config.features or ())
    index = replace(index, task=task, targets=targets, columns=columns)
    require_bit_depth(records, config.bit_depth)
    ignored = [scan.ignored for scan in scans.values()]
    problems = problems_of_files(records, config.exif_orientation, config.bit_depth)
    odd = list(remarks_on_files(index.paths.tolist(), records, problems, ignored))
    if written is not None:
        index = follow_written_split(index, written)
    index, dropped, remarks = apply_policies(index, problems, _policies(config))
    index, found = assign_splits(index, config, scans.keys(), seed, written, dropped)
    odd += remarks_on_bits(records, config.bit_depth)
    if config.check == "lazy":
        odd.append(
            "files were not opened: an unusable file will end the run when it is read"
        )
    listed = [line for scan in scans.values() for line in scan.remarks]
    _require_two_classes(index, dropped)
    return BuiltIndex(index, dropped, [*remarks, *listed, *odd, *found], frozenset(scans))


def _require_one_fold(config: DataConfig) -> None:
    if config.folds is not None and config.fold is None:
        raise ConfigError(
            message(
                f"`data.fold` must select one of the {config.folds} folds for validation.",
                "`keraunos fit` trains all of them.",
                **{"data.fold": None},
            ),
            Suggestion("Otherwise try", {"data.fold": 1}, "."),
        )


def _policies(config: DataConfig) -> Policies:
    return Policies(
        config.on_unreadable,
        config.on_conflict,
        config.on_leak,
        config.check in get_args(CopyCheck),
    )


def _inspect(
    class_names: tuple[str, ...],
    labels: npt.NDArray[np.int32],
    scans: Mapping[str, Scan],
    store: Store,
    check: Check,
    max_pixels: int,
) -> tuple[ImageIndex, list[FileRecord]]:
    paths = [path for scan in scans.values() for path in scan.paths]
    splits = [SPLIT_NAMES.index(name) for name, scan in scans.items() for _ in scan.paths]
    fingerprints = Fingerprints(store) if check == "full" else None
    if check == "lazy":
        records = list_unopened(paths)
    else:
        records = inspect_files(paths, store, fingerprints, max_pixels)
    digests = np.array([record.digest for record in records], "S32")
    copies = copy_groups(digests) if check in get_args(CopyCheck) else np.arange(len(paths))
    named = [group for scan in scans.values() for group in scan.groups]
    groups = join_groups(copies, named_groups(named))
    if fingerprints is not None:
        usable = [b"" if record.problem else record.digest for record in records]
        groups = join_groups(groups, find_copies(usable, fingerprints).near)
    index = ImageIndex(
        class_names,
        np.array(paths, object),
        labels,
        np.array(splits, np.int8),
        digests,
        differ_within(copies, labels),
        in_order_of_content(groups, digests),
        any(named),
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


def _targets(
    class_names: tuple[str, ...], scans: Mapping[str, Scan]
) -> npt.NDArray[np.float32]:
    """Returns targets, `(rows, names)`; labels that a table lacks are 0."""
    rows = []
    for scan in scans.values():
        places = [class_names.index(name) for name in scan.class_names]
        values = np.zeros((len(scan.paths), len(class_names)), np.float32)
        values[:, places] = np.array(scan.targets, np.float32)
        rows.append(values)
    return np.concatenate(rows)


def _number_equal_rows(targets: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """Returns numbers shared by rows with equal targets, `(rows,)`."""
    return np.unique(targets, axis=0, return_inverse=True)[1].ravel().astype(np.int32)


def _require_two_classes(index: ImageIndex, dropped: Sequence[Dropped]) -> None:
    """Checks that there are training images of two classes, or of one label.

    Raises:
        DataError: Too few classes have training images.
    """
    counts = _class_counts(index)
    fewest = 2 if index.task == "classification" else 1
    if np.count_nonzero(list(counts.values())) < fewest:
        raise DataError(
            message(
                "At least two classes must have training images.",
                f"{describe_dropped(dropped, counts)} Check the class folders.".strip(),
                counts=dict(list(counts.items())[:20]),
            )
        )


def _class_counts(index: ImageIndex) -> dict[str, int]:
    return dict(zip(index.class_names, index.class_counts(TRAIN).tolist(), strict=True))


def _remarks_on_classes(index: ImageIndex) -> list[str]:
    """Returns remarks on classes with few training images, or alike names."""
    counts = _class_counts(index)
    missing = [name for name, count in counts.items() if not count]
    few = [f"{name} ({count})" for name, count in counts.items() if 0 < count < FEW]
    remarks = []
    if missing:
        remarks.append(
            f"no training images are left of {some(missing)}, which can't be learned"
        )
    if few:
        remarks.append(f"fewer than {FEW} training images are left of {some(few)}")
    return [
        *remarks,
        *_absent_class_remarks(index),
        *_similar_name_remarks(index.class_names),
    ]


def _absent_class_remarks(index: ImageIndex) -> Iterator[str]:
    for split in (VALIDATION, TEST):
        counts = index.class_counts(split)
        names = [index.class_names[label] for label in np.flatnonzero(counts == 0)]
        if names and counts.any():
            yield f"there are no {SPLIT_NAMES[split]} images of {some(names)}"


def _similar_name_remarks(class_names: Sequence[str]) -> Iterator[str]:
    for names in alike_but_for_case(class_names):
        yield f"classes that differ only in case: {', '.join(names)}"
