"""Lists and checks the folders and tables that the settings name."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ...configs import DataConfig, is_table
from ...configs.choices import Task
from ...core.errors import ConfigError, DataError, message
from ...core.missing_values import is_missing
from ...core.names import did_you_mean, some
from ...core.store import Store
from ...core.suggestion import Suggestion
from ...core.user_path import user_path
from ..synthetic.folder import NAME as SYNTHETIC
from ..synthetic.folder import synthetic_folder
from .class_names import require_plain_names, require_same_classes
from .join_metadata import join_metadata
from .label_table import read_table
from .layout import Setting, find_splits, require_classes, unused_folders
from .metadata import Metadata, metadata_error, read_metadata
from .scan import Scan, require_two_classes, scan_folder
from .split_column import divide_by_column
from .table_columns import Columns


def list_sources(
    config: DataConfig, seed: int, store: Store, task: Task = "classification"
) -> dict[str, Scan]:
    """Lists the images of each split that has files of its own.

    Args:
        config: The section `data`.
        seed: Seed of generated images.
        store: Store of generated images.
        task: The task; others than classification require tables.

    Returns:
        Images by split, always with `"train"`.

    Raises:
        ConfigError: `data.train` is missing.
        DataError: A folder or table can't be used.
    """
    roots, remarks = _find_roots(config, seed, store)
    require_apart(roots, "data.")
    scans = divide_by_column(_scan_all(roots, config, task), config)
    train = scans["train"]
    if task == "classification":
        require_two_classes(train, "data.train")
    require_plain_names(train.class_names)
    for name, scan in scans.items():
        require_same_classes(train.class_names, scan, f"data.{name}")
    remarks += _remarks(roots, train.class_names)
    scans["train"] = replace(train, remarks=(*remarks, *train.remarks))
    return scans


def require_apart(roots: Mapping[str, Path], prefix: str = "") -> None:
    """Checks that the first folder or table does not overlap with others.

    Args:
        roots: Folders or tables by split.
        prefix: Prefix of their settings, for messages.

    Raises:
        DataError: It is equal to another, or one contains the other.
    """
    (first, a), *others = roots.items()
    for second, b in others:
        how = _overlap(a, b)
        if how:
            raise DataError(
                message(
                    f"`{prefix}{second}` must contain other images than `{prefix}{first}`; "
                    f"it {how}.",
                    f"Name another, or remove {prefix}{second}.",
                    **{f"{prefix}{first}": str(a), f"{prefix}{second}": str(b)},
                )
            )


def _overlap(a: Path, b: Path) -> str:
    """Describes how two folders or tables overlap; empty if they do not."""
    outer, inner = sorted((os.path.realpath(a), os.path.realpath(b)), key=len)
    if inner == outer:
        return "is the same"
    if not os.path.isdir(inner):  # a table may be in the folder of other images
        return ""
    return "contains it or is inside it" if Path(inner).is_relative_to(outer) else ""


def _remarks(roots: Mapping[str, Path], class_names: Sequence[str]) -> Iterator[str]:
    if {"validation", "test"} <= roots.keys() and _overlap(
        roots["validation"], roots["test"]
    ):
        yield (
            "data.validation and data.test are the same images: the scores are biased, "
            "because choices were based on them"
        )
    odd = [name for name in class_names if is_missing(name)]
    if odd:
        yield f"classes are named like missing values: {some(odd)}"


def _find_roots(
    config: DataConfig, seed: int, store: Store
) -> tuple[dict[str, Path], list[str]]:
    """Returns folders and tables by split, and remarks on skipped folders."""
    if config.train is None:
        raise ConfigError(
            message(
                "`data.train` must be a folder of images, or a table.",
                **{"data.train": None},
            ),
            Suggestion("Try", {"data.train": "FOLDER"}, "with a folder for each class."),
        )
    root = user_path(config.train)
    if config.train == SYNTHETIC:
        root = synthetic_folder(store, seed)
    named = {
        name: user_path(path)
        for name, path in (("validation", config.validation), ("test", config.test))
        if path is not None
    }
    found: dict[str, Path] = {}
    if not is_table(config.train):
        found = find_splits(root, config.layout, Setting())
    remarks = unused_folders(root, found, "data.train") if found else []
    remarks += [
        f"{found[name]} is skipped, because data.{name} names another"
        for name in named
        if name in found
    ]
    for name, path in named.items():
        if not is_table(str(path)):
            require_classes(path, config.layout, Setting(f"data.{name}"))
    return {"train": root} | found | named, remarks


def _required_columns(config: DataConfig) -> list[str]:
    """Returns the columns that a table of labels or of metadata must have."""
    group = () if config.group_column is None else (config.group_column,)
    return [*(config.features or ()), *group]


def _read_metadata(config: DataConfig) -> Metadata | None:
    """Reads the tables of metadata.

    Raises:
        DataError: A table can't be used, or lacks a column while images are in folders.
    """
    if config.metadata is None:
        return None
    paths = [user_path(path) for path in config.metadata]
    wanted = _required_columns(config)
    found = read_metadata(paths, config.image_column, wanted)
    sources = (config.train, config.validation, config.test)
    has_folders = any(source and not is_table(source) for source in sources)
    problems = [
        f"it has no column {name}. {did_you_mean(name, found.columns)}".strip()
        for name in wanted
        if has_folders and name not in found.columns
    ]
    of_targets = {config.label_column, *(config.label_columns or ())}
    problems += [
        f"data.features: {name} is a column of labels or groups, which a model must not "
        "see. Remove it"
        for name in config.features or ()
        if name in {*of_targets, config.group_column, config.split_column}
    ]
    if problems:
        raise metadata_error(paths, problems)
    return found


def _scan_all(roots: Mapping[str, Path], config: DataConfig, task: Task) -> dict[str, Scan]:
    """Lists the images of folders and tables, joined with the tables of metadata."""
    metadata = _read_metadata(config)
    scans = {
        name: _scan(path, f"data.{name}", config, task, metadata)
        for name, path in roots.items()
    }
    if metadata is None:
        return scans
    group = config.group_column if config.group_column in metadata.columns else None
    return join_metadata(scans, metadata, group, _required_columns(config))


def _scan(
    path: Path, name: str, config: DataConfig, task: Task, metadata: Metadata | None
) -> Scan:
    if not is_table(str(path)):
        if task != "classification":
            raise DataError(
                message(
                    f"`task={task}` needs a table of images, .csv or .tsv, in `{name}`: "
                    "folders are classes.",
                    "See docs/splits.md.",
                    **{name: str(path)},
                )
            )
        return scan_folder(path, name, config.find_images_by)
    root = user_path(config.image_root) if config.image_root else None
    joined = metadata.columns if metadata is not None else ()
    columns = Columns(
        config.image_column,
        config.label_column,
        None if config.group_column in joined else config.group_column,
        config.split_column,
        tuple(config.label_columns or ()),
        task,
        tuple(each for each in config.features or () if each not in joined),
    )
    return read_table(path, root, columns, name)
