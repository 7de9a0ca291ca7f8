"""Writes and reads split.csv, and writes dropped.csv."""

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...core.checked_files import CHECKSUMS_FILE, is_damaged, note_checksum
from ...core.errors import DataError, message, reason_of
from ...core.files import open_regular, write_csv
from ...core.names import did_you_mean
from .image_index import SPLIT_NAMES, ImageIndex
from .policies import Dropped
from .problems import counted_examples, listed_problems

UNNAMED = -1
NO_DIGEST = "0" * 64  # for files that were not read

_COLUMNS = ("path", "sha256", "class", "group", "split", "contradictory")


@dataclass(frozen=True)
class WrittenSplit:
    """The splits of files according to a split.csv.

    Attributes:
        by_path: TRAIN, VALIDATION or TEST by absolute path.
        by_digest: The same by SHA-256, for files that were moved.
    """

    by_path: Mapping[str, int]
    by_digest: Mapping[bytes, int]

    def sides(self, index: ImageIndex) -> npt.NDArray[np.int8]:
        """Returns the split of each listed file, and UNNAMED for others, `(rows,)`."""
        sides = [
            self.by_path.get(os.path.abspath(path), self.by_digest.get(digest, UNNAMED))
            for path, digest in zip(index.paths, _pad_digests(index.digests), strict=True)
        ]
        return np.array(sides, np.int8)


def write_split(path: Path, index: ImageIndex) -> None:
    """Writes split.csv: path, sha256, class, group and split of each file.

    Files with the same group, which are copies or members of a group, are in one split. The
    column `contradictory` is `yes` if a copy has another class.
    """
    columns = zip(
        index.paths,
        _pad_digests(index.digests),
        map(index.describe_target, range(len(index))),
        index.groups.tolist(),
        index.splits.tolist(),
        index.contradictory.tolist(),
        strict=True,
    )
    rows = (
        (
            os.path.abspath(name),
            digest.hex(),
            label,
            group,
            SPLIT_NAMES[split],
            "yes" if contradictory else "no",
        )
        for name, digest, label, group, split, contradictory in columns
    )
    write_csv(path, _COLUMNS, rows)
    note_checksum(path)


def read_split(path: Path) -> WrittenSplit:
    """Reads the columns `split`, `path` and, if present, `sha256` of a split.csv.

    Raises:
        DataError: The table can't be used; all faults are listed.
    """
    rows = read_rows(path, "data.split")
    sides = {os.path.abspath(row["path"]): SPLIT_NAMES.index(row["split"]) for row in rows}
    digests = {
        bytes.fromhex(row["sha256"]): SPLIT_NAMES.index(row["split"])
        for row in rows
        if (row.get("sha256") or NO_DIGEST) != NO_DIGEST
    }
    return WrittenSplit(sides, digests)


def read_rows(path: Path, setting: str) -> list[dict[str, str]]:
    """Reads the rows of a split.csv.

    Args:
        path: The table.
        setting: The setting that names it or its run.

    Raises:
        DataError: The table can't be used; all faults are listed.
    """
    try:
        with open_regular(path) as file:
            lines = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
            reader = csv.DictReader(lines)
            rows = [(reader.line_num, row) for row in reader]
            header = reader.fieldnames or []
    except (OSError, csv.Error) as error:
        raise _error(path, setting, [reason_of(error)]) from None
    problems = [
        f"the column {name} is missing. {did_you_mean(name, header)}".strip()
        for name in ("path", "split")
        if name not in header
    ]
    problems = problems or _wrong_rows(rows)
    if is_damaged(path):
        problems.insert(
            0,
            f"its SHA-256 differs from that in {CHECKSUMS_FILE}: it is damaged or was "
            "edited; to use an edited table, copy it to another folder",
        )
    if problems:
        raise _error(path, setting, problems)
    return [row for _, row in rows]


def fingerprint_split(index: ImageIndex) -> str:
    """Returns one SHA-256 for the content, class and split of all files, in order."""
    digest = hashlib.sha256()
    labels = index.labels if index.targets is None else index.targets
    for column in (index.digests, labels, index.splits):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def write_dropped(path: Path, dropped: Iterable[Dropped]) -> None:
    """Writes dropped.csv: path, policy and reason of each dropped file."""
    rows = ((each.path, each.policy, each.reason) for each in dropped)
    write_csv(path, ("path", "policy", "reason"), rows)


def hexadecimal(digests: npt.NDArray[np.bytes_]) -> list[str]:
    """Returns digests as 64 hexadecimal digits; zeros for files that were not read."""
    return [digest.hex() for digest in _pad_digests(digests)]


def _pad_digests(digests: npt.NDArray[np.bytes_]) -> list[bytes]:
    """Pads digests to 32 bytes, because NumPy strips trailing zeros."""
    return [digest.ljust(32, b"\0") for digest in digests.tolist()]


def _wrong_rows(rows: Iterable[tuple[int, Mapping[str, str]]]) -> list[str]:
    known = set(SPLIT_NAMES)
    sides: dict[str, str] = {}
    unknown, twice, garbled = [], [], []
    for line, row in rows:
        path, split = row["path"], row["split"]
        if split not in known:
            unknown.append(f"line {line}: {split}")
        if sides.setdefault(path, split) != split:
            twice.append(f"line {line}: {path} ({sides[path]}, {split})")
        if not _is_digest(row.get("sha256") or ""):
            garbled.append(f"line {line}")
    return [
        *counted_examples(f"splits are none of {', '.join(SPLIT_NAMES)}", unknown),
        *counted_examples("files are listed in two splits", twice),
        *counted_examples("SHA-256 are not 64 hexadecimal digits", garbled),
    ]


def _is_digest(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) in (0, 32)
    except ValueError:
        return False


def _error(path: Path, setting: str, problems: Iterable[str]) -> DataError:
    what = "be a" if setting == "data.split" else "name a run with a usable"
    expected = (
        f"`{setting}` must {what} split.csv of a run, with the columns path and split."
    )
    return listed_problems(message(expected, **{setting: str(path)}), problems)
