"""Divides images into slices by the values of a column, or by quartiles of numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...core.errors import ConfigError, message
from ...core.names import did_you_mean, some

Cells = npt.NDArray[np.object_]

_NONE = "There are none: images come from folders, or their table has no further columns."
MOST_NUMBERS = 8  # distinct ones; more are divided into quartiles
MOST_TEXTS = 20  # distinct ones of a column that was not requested


@dataclass(frozen=True)
class Slice:
    """The images with one value or range of a column.

    Attributes:
        value: The value as in the table; None for images without one.
        rows: Rows of the images.
    """

    value: str | None
    rows: npt.NDArray[np.intp]

    @property
    def name(self) -> str:
        """Name of the slice in the report."""
        return "no value" if self.value is None else self.value


def slices_of(cells: Cells) -> list[Slice]:
    """Returns the slices of a column, sorted by value; images without one come last.

    Args:
        cells: `(images,)` strings, empty if missing. Numbers with more than eight distinct
            values are divided into quartiles.

    Example:
        >>> [each.name for each in slices_of(np.array(["m", "", "f", "m"], object))]
        ['f', 'm', 'no value']
        >>> ages = np.array([str(age) for age in range(20, 60)], object)
        >>> [each.name for each in slices_of(ages)]
        ['20 to 29', '30 to 39', '40 to 49', '50 to 59']
    """
    known = np.flatnonzero(cells != "")
    numbers = _numbers(cells[known])
    if numbers is not None and len(np.unique(numbers)) > MOST_NUMBERS:
        found = list(_quartiles(cells, known, numbers))
    else:
        found = list(_values(cells, known, numbers))
    missing = np.flatnonzero(cells == "")
    return [*found, Slice(None, missing)] if len(missing) else found


def require_columns(wanted: Sequence[str] | None, columns: Mapping[str, Cells]) -> None:
    """Checks `evaluation.slices.columns` as soon as the columns are known.

    Args:
        wanted: Names of columns, or None.
        columns: The existing columns.

    Raises:
        ConfigError: A column does not exist.
    """
    unknown = [name for name in wanted or () if name not in columns]
    if unknown:
        known = f"There are {some(list(columns))}." if columns else _NONE
        raise ConfigError(
            message(
                "`evaluation.slices.columns` must name columns of the label table other "
                "than those of images, classes, groups and splits; columns with more than "
                f"1,000 distinct texts are not kept. {known}",
                did_you_mean(unknown[0], columns),
                columns=unknown,
            )
        )


def reason_to_skip(cells: Cells) -> str:
    """Returns why a column that nobody requested is skipped; empty if it is not."""
    known = cells[cells != ""]
    count = len(set(known))
    if not count:
        return "no test image has a value"
    numbers = _numbers(known)
    if count == len(known) and count > MOST_NUMBERS:
        return "every image has a different value"
    if numbers is None and count > MOST_TEXTS:
        return f"it has {count:,} distinct texts, more than {MOST_TEXTS}"
    return ""


def _numbers(cells: Cells) -> npt.NDArray[np.float64] | None:
    try:
        numbers = cells.astype(np.float64)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _values(
    cells: Cells, known: npt.NDArray[np.intp], numbers: npt.NDArray[np.float64] | None
) -> Iterator[Slice]:
    if not len(known):
        return
    values, places = np.unique(cells[known].astype(str), return_inverse=True)
    order = np.argsort(places, kind="stable")
    parts = np.split(known[order], np.cumsum(np.bincount(places))[:-1])
    found = [Slice(str(value), rows) for value, rows in zip(values, parts, strict=True)]
    if numbers is not None:
        found.sort(key=lambda each: float(each.name))
    yield from found


def _quartiles(
    cells: Cells, known: npt.NDArray[np.intp], numbers: npt.NDArray[np.float64]
) -> Iterator[Slice]:
    edges = np.unique(np.quantile(numbers, [0.25, 0.5, 0.75]))
    bands = np.searchsorted(edges, numbers)
    for band in np.unique(bands):
        rows = known[bands == band]
        inside = numbers[bands == band]
        low, high = (cells[rows[place]] for place in (inside.argmin(), inside.argmax()))
        yield Slice(low if low == high else f"{low} to {high}", rows)
