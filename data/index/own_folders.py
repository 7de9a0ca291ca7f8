"""Recognises folders that Keraunos itself wrote, which hold images but no examples."""

import re
from collections.abc import Collection

from ...core import run_layout as layout
from ...core.lock import LOCK_FILE, OWNER_FILE

# A run directory has one of the first, and another of these beside it.
_FIRST = {layout.CONFIG_FILE, layout.ENVIRONMENT_FILE, layout.SEARCH_FILE}
_OF_RUNS = _FIRST | {
    layout.CHECKPOINTS_FOLDER,
    layout.CLASSES_FILE,
    layout.CURVES_IMAGE,
    layout.FOLDS_FILE,
    layout.METRICS_FILE,
    layout.MODEL_FILE,
    layout.SAMPLES_IMAGE,
    layout.SPLIT_FILE,
    layout.TENSORBOARD_FOLDER,
    layout.TEST_FILE,
}
_OF_CACHES = {"CACHEDIR.TAG", "files.sqlite", "fingerprints.sqlite"}
_NEW_RUN = re.compile(r".*-\d{3,}")


def is_own_folder(name: str, parent: str, entries: Collection[str]) -> bool:
    """Whether a folder is a run directory or a cache of ours, by what lies in it.

    A run directory that was only just made is empty, but has a number and lies in `runs`.

    Args:
        name: What it is called.
        parent: What the folder around it is called.
        entries: Names of all files and folders in it.

    Example:
        >>> is_own_folder("run-1", "animals", ["config.yaml", "split.csv", "samples.png"])
        True
        >>> is_own_folder("cats", "animals", ["config.yaml", "1.png"])
        False
    """
    found = set(entries)
    is_new = parent == "runs" and not (found - {LOCK_FILE, OWNER_FILE})
    return (
        bool(found & _OF_CACHES)
        or bool(found & _FIRST and len(found & _OF_RUNS) > 1)
        or (is_new and _NEW_RUN.fullmatch(name) is not None)
    )
