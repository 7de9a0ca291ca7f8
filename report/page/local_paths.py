"""Shortens paths to names, so that shared reports do not reveal local folders."""

import os
from pathlib import PurePath
from typing import Any


def name_of(path: Any) -> str:
    """Returns the last part of a path, or of each of several paths.

    Example:
        >>> name_of("/home/jane/lesions/"), name_of(["/a/b.csv", "c.csv"])
        ('lesions', 'b.csv, c.csv')
    """
    if isinstance(path, list | tuple):
        return ", ".join(map(name_of, path))
    return PurePath(str(path)).name or str(path)


def without_folders(value: Any) -> Any:
    """Shortens absolute paths in a setting, or in an argument `key=value`, to their names.

    Example:
        >>> without_folders("data.train=/home/jane/lesions"), without_folders(["/a/b", 3])
        ('data.train=lesions', ['b', 3])
    """
    if isinstance(value, list):
        return [without_folders(each) for each in value]
    if not isinstance(value, str):
        return value
    key, sign, path = value.rpartition("=")
    return f"{key}{sign}{name_of(path)}" if os.path.isabs(path) else value
