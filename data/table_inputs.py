"""The columns that a model takes beside images, as arrays for all rows of an index."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..configs.feature_rules import mixed_features
from ..core.errors import ConfigError
from ..core.table_features import IMAGE, TableFeatures
from .augmentation import Augmentation

COLUMN = "column:"  # in front of columns, in arrays by name


class TableInputs:
    """What models take of the table, for any of its rows.

    Args:
        features: The columns, as the training images have them.
        cells: `(rows,)` text of each.
    """

    def __init__(
        self, features: TableFeatures, cells: Mapping[str, npt.NDArray[np.object_]]
    ) -> None:
        self.features = features
        self._arrays = features.arrays({name: cells[name] for name in features.names})

    def arrays(self, rows: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        """`(rows, 1)` by `column:NAME`."""
        return {f"{COLUMN}{name}": each[rows] for name, each in self._arrays.items()}


def columns_in(part: Mapping[str, Any]) -> dict[str, Any]:
    """The columns among the arrays of a part of a batch, by their own names, in order."""
    return {
        name.removeprefix(COLUMN): array
        for name, array in part.items()
        if name.startswith(COLUMN)
    }


def inputs_of(images: Any, part: Mapping[str, Any]) -> Any:
    """Images alone, or by name with the columns of their part of a batch."""
    columns = columns_in(part)
    return {IMAGE: images} | columns if columns else images


def refuse_mixing(features: TableFeatures | None, augmentation: Augmentation) -> None:
    """Words can't be mixed as pixels are.

    Raises:
        ConfigError: Mixed images have columns.
    """
    if features is not None and augmentation.mixes:
        raise ConfigError(mixed_features(features.names))
