"""Writes down which file went where."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..core.files import write_csv
from .copies import copy_groups
from .index import SPLIT_NAMES, ImageIndex
from .policies import Dropped


def write_split(path: Path, index: ImageIndex) -> None:
    """Writes split.csv: path, sha256, class, group (copies share one) and split."""
    columns = zip(
        index.paths,
        index.digests,
        index.labels,
        copy_groups(index.digests),
        index.splits,
        strict=True,
    )
    rows = (
        (
            name,
            digest.ljust(32, b"\0").hex(),
            index.class_names[label],
            group,
            SPLIT_NAMES[split],
        )
        for name, digest, label, group, split in columns
    )
    write_csv(path, ("path", "sha256", "class", "group", "split"), rows)


def fingerprint_split(index: ImageIndex) -> str:
    """One SHA-256 for the content, class and split of all files, in their order."""
    digest = hashlib.sha256()
    for column in (index.digests, index.labels, index.splits):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def write_dropped(path: Path, dropped: Iterable[Dropped]) -> None:
    """Writes dropped.csv: path, policy and reason of each file that was left out."""
    rows = ((each.path, each.policy, each.reason) for each in dropped)
    write_csv(path, ("path", "policy", "reason"), rows)
