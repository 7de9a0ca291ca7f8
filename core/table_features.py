"""Columns of a table that a model takes beside the image, as training images have them.

Configurations are checked with it: NumPy is loaded where arrays are made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy.typing as npt

IMAGE = "image"  # the name of the image among the inputs of a model
MISSING = ""  # the cell of an image without a value
_LARGEST = 3.4028234663852886e38  # of float32


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers.

    Attributes:
        name: Of the column.
        mean: Of the training images that have a value.
        deviation: Standard deviation of these.
        has_missing: Whether training images lack a value.
    """

    name: str
    mean: float
    deviation: float
    has_missing: bool = False

    @classmethod
    def of(cls, name: str, cells: Iterable[str]) -> "NumberColumn":
        """Measures a column.

        Args:
            name: Of the column.
            cells: Of the training images: numbers, or empty.

        Example:
            >>> NumberColumn.of("age", ["30", "", "50"])
            NumberColumn(name='age', mean=40.0, deviation=10.0, has_missing=True)
        """
        import numpy as np

        numbers = np.array([number_in(cell) for cell in cells])
        known = numbers[~np.isnan(numbers)]
        mean, deviation = float(known.mean()), float(known.std())
        return cls(name, mean, deviation, len(known) < len(numbers))

    def array(self, cells: Iterable[str]) -> "npt.NDArray[Any]":
        """`(rows, 1)` float32, NaN where there is no value."""
        import numpy as np

        numbers = [number_in(cell) for cell in cells]
        return np.array(numbers, np.float32).reshape(-1, 1)


@dataclass(frozen=True)
class WordColumn:
    """A column of words, each a category.

    Attributes:
        name: Of the column.
        words: Those of the training images, sorted; with the empty one where some lack a
            value.
    """

    name: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, name: str, cells: Iterable[str]) -> "WordColumn":
        """Lists the words of a column.

        Example:
            >>> WordColumn.of("sex", ["male", "", "female", "male"]).words
            ('', 'female', 'male')
        """
        return cls(name, tuple(sorted(set(cells))))

    def array(self, cells: Iterable[str]) -> "npt.NDArray[Any]":
        """`(rows, 1)` text in UTF-8, as bytes, which TensorFlow takes as it is."""
        import numpy as np

        return np.array([cell.encode() for cell in cells], object).reshape(-1, 1)


TableColumn: TypeAlias = NumberColumn | WordColumn


@dataclass(frozen=True)
class TableFeatures:
    """The columns that a model takes beside the image, in order."""

    columns: tuple[TableColumn, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)

    def arrays(self, cells: Mapping[str, Iterable[str]]) -> "dict[str, npt.NDArray[Any]]":
        """What a model takes of rows of a table, by column; see `array` of both kinds."""
        return {column.name: column.array(cells[column.name]) for column in self.columns}

    def as_json(self) -> list[dict[str, Any]]:
        """What JSON can hold, a column each."""
        return [
            {key: list(v) if isinstance(v, tuple) else v for key, v in each.items()}
            for each in map(asdict, self.columns)
        ]


def number_in(cell: str) -> float:
    """The number of a cell, NaN where it is empty.

    Raises:
        ValueError: It is text.
    """
    if cell == MISSING:
        return float("nan")
    if not is_number(cell):
        raise ValueError(f"{cell!r} is no number")
    return float(cell)


def is_number(cell: str) -> bool:
    """Whether a cell is a finite number of float32."""
    try:
        number = float(cell)
    except ValueError:
        return False
    return abs(number) <= _LARGEST and "_" not in cell  # 1_000 is a number in Python alone


def problem_of_name(name: str) -> str:
    """Why a column can't be an input of a model by its name; empty if it can."""
    if name == IMAGE:
        return f"`{IMAGE}` is the name of the image itself"
    if not name or "/" in name:
        return "the name of an input of a model can't be empty or have a slash"
    return ""
