"""Writes subsets of the images as tables, and configurations that read them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..configs import RunConfig
from ..core.errors import ConfigError, message
from ..core.files import own_directory, write_bytes_atomic
from ..core.removal import remove_unfinished, unfinished
from ..core.run_layout import DROPPED_FILE
from ..core.shared_store import open_store

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..data.index.build_index import BuiltIndex

TABLES = re.compile(rf"(?:train|validation|test)\.csv|{re.escape(DROPPED_FILE)}")
_UNFINISHED = unfinished(r"\w+\.csv")


def read_index(config: RunConfig) -> "BuiltIndex":
    """Lists and checks the images of a configuration, without decoding them for training.

    Raises:
        DataError: The images can't be used; the message lists all faults.
    """
    from ..data.index.build_index import build_index

    store = open_store(config.cache_dir)
    return build_index(config.data, config.seed, store, config.task)


def list_images(config: RunConfig) -> "BuiltIndex":
    """Lists all images of a configuration, without splitting off validation or folds.

    Raises:
        DataError: The images can't be used; the message lists all faults.
    """
    return read_index(_without_division(config))


def describe_images(config: RunConfig) -> list[str]:
    """Returns lines on the images of a search: their number, and what was left out.

    Raises:
        DataError: The images can't be used; the message lists all faults.
    """
    has_folds = config.search.folds is not None
    read = read_index(_without_division(config) if has_folds else config)
    return [read.index.describe(), *read.remarks]


def _without_division(config: RunConfig) -> RunConfig:
    whole = {"validation_split": 0.0, "folds": None, "fold": None}
    return config.model_copy(update={"data": config.data.model_copy(update=whole)})


def with_tables(
    config: RunConfig,
    images: "BuiltIndex",
    sides: "Mapping[str, npt.NDArray[np.bool_]]",
    folder: Path,
) -> RunConfig:
    """Writes tables of images, and returns the configuration that reads them.

    The tables do not contain images that were dropped; dropped.csv beside them does.

    Args:
        config: The configuration of the images.
        images: All images.
        sides: Masks `(rows,)` by split: `train`, `validation` and `test`; a split without
            images gets no table.
        folder: Where to write the tables; existing ones must be the same.

    Raises:
        ConfigError: The folder has a table of other images.
    """
    from ..data.index.image_table import settings_of_table, table_of
    from ..data.index.split_csv import write_dropped

    index = images.index
    tables = {name: index.where(rows) for name, rows in sides.items() if rows.any()}
    own_directory(folder)
    remove_unfinished(folder, _UNFINISHED)
    for name, side in tables.items():
        _write(folder / f"{name}.csv", table_of(side))
    write_dropped(folder / DROPPED_FILE, images.dropped)
    own = {
        **settings_of_table(index),
        **dict.fromkeys(("validation", "test", "folds", "fold", "split"), None),
        **{name: str((folder / f"{name}.csv").absolute()) for name in tables},
        "layout": "auto",
        "test_split": 0.0,
    }
    data = config.data.model_copy(update=own)
    return config.model_copy(update={"data": data})


def _write(path: Path, table: bytes) -> None:
    if not path.exists():
        write_bytes_atomic(path, table)
    elif path.read_bytes() != table:
        raise ConfigError(
            message(
                "A search must be resumed with the same images, divided in the same way; "
                "the images, their labels or groups, or the number of outer folds have "
                "changed.",
                "Restore them, or start a new search with another run_dir.",
                table=str(path),
            )
        )
