"""Table columns that a model takes in addition to the image, measured in training.

Does not load NumPy on import, because it is used to check configurations.
"""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy.typing as npt

IMAGE = "image"  # the name of the image among the inputs of a model
MISSING = ""  # the cell of an image without a value
_TAKEN = ("images", "image_bytes")  # names of other inputs of exported graphs
_LARGEST = 3.4028234663852886e38  # the largest float32


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers.

    Attributes:
        name: Name of the column.
        mean: Mean over the training images that have a value.
        deviation: Standard deviation over these images.
        has_missing: Whether any training image lacks a value.
    """

    name: str
    mean: float
    deviation: float
    has_missing: bool = False

    @classmethod
    def of(cls, name: str, cells: Iterable[str]) -> "NumberColumn":
        """Measures a column.

        Args:
            name: Name of the column.
            cells: Cells of the training images: numbers, or empty.

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
        """Returns float32 values of shape `(rows, 1)`; NaN for missing values."""
        import numpy as np

        numbers = [number_in(cell) for cell in cells]
        return np.array(numbers, np.float32).reshape(-1, 1)


@dataclass(frozen=True)
class WordColumn:
    """A column of text, in which each distinct text is a category.

    Attributes:
        name: Name of the column.
        words: The distinct texts of the training images, sorted; the empty text is among
            them if any image lacks a value.
    """

    name: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, name: str, cells: Iterable[str]) -> "WordColumn":
        """Collects the distinct texts of a column.

        Example:
            >>> WordColumn.of("sex", ["male", "", "female", "male"]).words
            ('', 'female', 'male')
        """
        return cls(name, tuple(sorted(set(cells))))

    def array(self, cells: Iterable[str]) -> "npt.NDArray[Any]":
        """Returns the text as UTF-8 bytes of shape `(rows, 1)`, for TensorFlow."""
        import numpy as np

        return np.array([cell.encode() for cell in cells], object).reshape(-1, 1)

    def codes(self, cells: Iterable[str]) -> "npt.NDArray[Any]":
        """Returns int32 indices `(rows, 1)` of the cells in `words`; -1 for unknown text.

        Example:
            >>> WordColumn("sex", ("", "female", "male")).codes(["male", "?"]).tolist()
            [[2], [-1]]
        """
        import numpy as np

        places = {word: place for place, word in enumerate(self.words)}
        codes = [places.get(cell, -1) for cell in cells]
        return np.array(codes, np.int32).reshape(-1, 1)


TableColumn: TypeAlias = NumberColumn | WordColumn


@dataclass(frozen=True)
class TableFeatures:
    """The columns that a model takes in addition to the image, in order."""

    columns: tuple[TableColumn, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def arrays(self, cells: Mapping[str, Iterable[str]]) -> "dict[str, npt.NDArray[Any]]":
        """Returns the inputs of a model by column; see `array` of the columns."""
        return {column.name: column.array(cells[column.name]) for column in self.columns}

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the columns in exported graphs: ASCII letters, digits and `_`.

        Example:
            >>> columns = (WordColumn("body site", ()), WordColumn("größe", ()))
            >>> TableFeatures(columns).input_names
            ('body_site', 'gr_e')
        """
        plain = [re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") for name in self.names]
        found: list[str] = []
        for place, name in enumerate(plain):
            taken = {each.casefold() for each in (*_TAKEN, *plain[:place])}
            is_usable = name[:1].isalpha() and name.casefold() not in taken
            found.append(name if is_usable else f"column{place}_of_table")
        return tuple(found)

    def codes(self, cells: Mapping[str, Iterable[str]]) -> "dict[str, npt.NDArray[Any]]":
        """Returns the inputs of a graph without text: categories as indices."""
        return {
            each.name: each.codes(cells[each.name])
            if isinstance(each, WordColumn)
            else each.array(cells[each.name])
            for each in self.columns
        }

    def typical_cells(self, rows: int) -> dict[str, list[str]]:
        """Returns plausible cells for a number of rows, by column."""
        return {
            each.name: [each.words[-1] if isinstance(each, WordColumn) else repr(each.mean)]
            * rows
            for each in self.columns
        }

    def as_json(self) -> list[dict[str, Any]]:
        """Returns the columns as JSON values."""
        return [
            {key: list(v) if isinstance(v, tuple) else v for key, v in each.items()}
            for each in map(asdict, self.columns)
        ]


def union_of(members: Sequence[TableFeatures]) -> TableFeatures:
    """Returns the columns of an ensemble, with the categories of all members.

    Args:
        members: At least one member, all with the same columns.

    Raises:
        ValueError: The names or kinds of the columns differ.
    """
    kinds = [list(kinds_of(each).items()) for each in members]
    if any(each != kinds[0] for each in kinds):
        raise ValueError(" and ".join(map(str, kinds)))
    columns = zip(*(each.columns for each in members), strict=True)
    return TableFeatures(tuple(map(_union, columns)))


def kinds_of(features: TableFeatures) -> dict[str, str]:
    """Returns the kind of each column, `number` or `category`, by name."""
    return {
        each.name: "category" if isinstance(each, WordColumn) else "number"
        for each in features.columns
    }


def _union(same: Sequence[TableColumn]) -> TableColumn:
    words = [each.words for each in same if isinstance(each, WordColumn)]
    if not words:
        return same[0]
    return WordColumn.of(same[0].name, itertools.chain.from_iterable(words))


def number_in(cell: str) -> float:
    """Returns the number in a cell; NaN if the cell is empty.

    Raises:
        ValueError: The cell contains text.
    """
    if cell == MISSING:
        return float("nan")
    if not is_number(cell):
        raise ValueError(f"{cell!r} is not a number")
    return float(cell)


def is_number(cell: str) -> bool:
    """Returns whether a cell is a number that float32 can represent as finite."""
    try:
        number = float(cell)
    except ValueError:
        return False
    return abs(number) <= _LARGEST and "_" not in cell  # only Python reads 1_000


def problem_of_name(name: str) -> str:
    """Returns why a column name can't be the name of an input; empty if it can."""
    if name == IMAGE:
        return f"`{IMAGE}` is the name of the image itself"
    if not name or "/" in name:
        return "the name of an input of a model can't be empty or contain a slash"
    return ""
