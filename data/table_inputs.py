"""Table columns that a model takes in addition to images, as arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..configs.feature_rules import mixed_features
from ..core.errors import ConfigError
from ..core.table_features import IMAGE, TableFeatures
from .augmentation import Augmentation

COLUMN = "column:"  # prefix of columns among the arrays of a batch


class TableInputs:
    """The table columns that models take, for any rows of the index.

    Args:
        features: The columns as measured on the training images.
        cells: `(rows,)` strings of each column.
    """

    def __init__(
        self, features: TableFeatures, cells: Mapping[str, npt.NDArray[np.object_]]
    ) -> None:
        self.features = features
        self._arrays = features.arrays({name: cells[name] for name in features.names})

    def arrays(self, rows: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        """Returns the columns of some rows as arrays `(rows, 1)`, by `column:NAME`."""
        return {f"{COLUMN}{name}": each[rows] for name, each in self._arrays.items()}


def columns_in(part: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the columns among the arrays of a part of a batch, by name and in order."""
    return {
        name.removeprefix(COLUMN): array
        for name, array in part.items()
        if name.startswith(COLUMN)
    }


def inputs_of(images: Any, part: Mapping[str, Any]) -> Any:
    """Returns the images, or a dict of them and the columns of the part, if any."""
    columns = columns_in(part)
    return {IMAGE: images} | columns if columns else images


def refuse_mixing(features: TableFeatures | None, augmentation: Augmentation) -> None:
    """Rejects mixing of images with table columns, which can't be mixed like pixels.

    Raises:
        ConfigError: The augmentation mixes images with table columns.
    """
    if features is not None and augmentation.mixes:
        raise ConfigError(mixed_features(features.names))
