"""Writes images of a run as a table from which they can be read again."""

import csv
import io
import os
from collections.abc import Collection
from typing import Any

import numpy as np

from .image_index import ImageIndex


def settings_of_table(index: ImageIndex) -> dict[str, Any]:
    """Returns the settings of the section `data` that read the result of `table_of`.

    The names of the columns avoid those of the further columns of the images.
    """
    taken = set(index.columns)
    targets = None if index.targets is None else list(index.class_names)
    taken |= set(targets or ())
    return {
        "image_root": None,
        "metadata": None,  # its columns are among the others
        "image_column": _unused_name("image", taken),
        "label_column": "label" if targets else _unused_name("label", taken),
        "label_columns": targets,
        "group_column": _unused_name("group", taken) if index.is_grouped else None,
        "split_column": None,
    }


def table_of(index: ImageIndex) -> bytes:
    """Returns a table with one row per image, as CSV in UTF-8.

    It contains the absolute path of the image, its class, labels or numbers, its group if a
    column defined groups (copies are found again by content), and the further columns.
    """
    names = settings_of_table(index)
    others = [name for name in index.columns if name not in index.class_names]
    columns = {
        names["image_column"]: [os.path.abspath(path) for path in index.paths],
        **_targets(index, names["label_column"]),
        **({names["group_column"]: index.groups.tolist()} if index.is_grouped else {}),
        **{name: index.columns[name].tolist() for name in others},
    }
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode("utf-8", "surrogateescape")


def _targets(index: ImageIndex, label_column: str) -> dict[str, list[object]]:
    if index.targets is None:
        names = np.array(index.class_names, object)
        return {label_column: names[index.labels].tolist()}
    return {
        name: [f"{value:.9g}" for value in index.targets[:, place].tolist()]
        for place, name in enumerate(index.class_names)
    }


def _unused_name(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name
