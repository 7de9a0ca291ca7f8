"""Finds the checkpoint to resume from, and compares settings."""

import itertools
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...configs.resuming import CHANGEABLE_IN_RUN
from ...core.bundle import Bundle, read_bundle
from ...core.checkpoints import checkpoint_names, remove_frozen, remove_left
from ...core.differences import Change, changes, differences_error, flatten
from ...core.errors import CheckpointError, ConfigError, message
from ...core.run_layout import FROZEN_FOLDER
from ...strategies import Workers
from .contents import check_contents


@dataclass(frozen=True)
class Resumption:
    """The checkpoint that a run is resumed from.

    Attributes:
        path: Directory of the checkpoint.
        bundle: Contents of the checkpoint.
        frozen: Variables that the run never changes, stored once per run.
        skipped: A line for each damaged checkpoint that was skipped.
        changes: Settings that differ from those of the checkpoint.
    """

    path: Path
    bundle: Bundle
    frozen: Bundle
    skipped: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


def share_resumption(workers: Workers, found: Resumption | None) -> Resumption | None:
    """Broadcasts the checkpoint found by the chief to all workers."""
    if workers.count == 1:
        return found
    sent = workers.share(
        found
        and [
            str(found.path),
            {"arrays": found.bundle.arrays, "documents": found.bundle.documents},
            {"arrays": found.frozen.arrays, "documents": found.frozen.documents},
            found.skipped,
            [list(change) for change in found.changes],
        ]
    )
    if sent is None:
        return None
    path, bundle, frozen, skipped, changed = sent
    bundles = Bundle(**bundle), Bundle(**frozen)
    return Resumption(Path(path), *bundles, skipped, [Change(*each) for each in changed])


def require_same_settings(workers: Workers, settings: Mapping[str, Any]) -> None:
    """Checks that all workers have the same settings and images.

    Raises:
        ConfigError: They differ; lists the differing settings.
    """
    flat = flatten(settings)
    gathered = [flatten(each) for each in workers.gather(settings)]
    differing = [
        f"{name}: {[each.get(name) for each in gathered]}"
        for name in sorted(flat)
        if any(each.get(name) != gathered[0].get(name) for each in gathered)
    ]
    if differing:
        raise ConfigError(
            "All workers must have the same configuration and the same data. Received: "
            + "; ".join(differing)
            + ". Start every worker with the same configuration and the same files."
        )


def find_resumption(
    directory: Path | None, settings: Mapping[str, Any]
) -> Resumption | None:
    """Loads the newest intact checkpoint.

    Args:
        directory: The directory `checkpoints` of the run, or None.
        settings: The current settings.

    Returns:
        The checkpoint, or None if there are none.

    Raises:
        CheckpointError: There are checkpoints, but none is intact.
        ConfigError: A setting changed that must not change within a run.
    """
    if directory is None:
        return None
    names = checkpoint_names(directory)
    skipped: list[str] = []
    for name in reversed(names):
        try:
            bundle = read_bundle(directory / name)
            check_contents(directory / name, bundle)
            frozen = read_bundle(directory / FROZEN_FOLDER)
        except CheckpointError as error:
            skipped.append(str(error))
            continue
        changed = compare_settings(bundle.documents["settings"], settings)
        remarks = [f"skipped a damaged checkpoint: {each}" for each in skipped]
        return Resumption(directory / name, bundle, frozen, remarks, changed)
    if names:
        raise CheckpointError(
            message(
                "At least one checkpoint must be intact, but none is: "
                + "; ".join(skipped)
                + ".",
                "Restore one from a copy, or start a new run.",
                directory=str(directory),
            )
        )
    return None


def clean_checkpoints(directory: Path, newest: Path | None) -> None:
    """Removes leftovers of an interrupted process and renames damaged checkpoints.

    The run will write checkpoints of the same names again.

    Args:
        directory: The directory `checkpoints` of a run, locked by this process.
        newest: The checkpoint that the run is resumed from, or None.
    """
    if newest is None:
        remove_frozen(directory)  # left by a process that wrote no checkpoint
    else:
        names = checkpoint_names(directory)
        damaged = names[names.index(newest.name) + 1 :]
        _rename_damaged([directory / name for name in damaged])
    remove_left(directory)


def _rename_damaged(damaged: Iterable[Path]) -> None:
    for path in damaged:
        names = (path.with_name(f"damaged-{path.name}-{n}") for n in itertools.count())
        path.rename(next(name for name in names if not os.path.lexists(name)))


def compare_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Returns the settings of a resumed run that have changed.

    Raises:
        ConfigError: A setting changed that must not change within a run.
    """
    found = changes(before, now)
    fixed = [change for change in found if change.name not in CHANGEABLE_IN_RUN]
    if fixed:
        raise differences_error(
            "A run must be resumed with the settings it was started with.",
            fixed,
            "Restore them, or start a new run with another run_dir.",
        )
    return found
