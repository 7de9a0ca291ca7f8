"""Measures the table columns that a model takes, on the training images."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ...core.errors import message
from ...core.names import some
from ...core.table_features import (
    MISSING,
    NumberColumn,
    TableColumn,
    TableFeatures,
    WordColumn,
    is_number,
)
from .image_index import SPLIT_NAMES, TEST, TRAIN, VALIDATION, ImageIndex
from .label_checks import alike_but_for_case
from .problems import counted_examples, listed_problems
from .target_columns import indistinct

MOST_WORDS = 100  # a column of names or notes has more

Cells = npt.NDArray[np.object_]


def measure_features(
    index: ImageIndex, names: Sequence[str], categorical: Collection[str] = ()
) -> TableFeatures:
    """Measures whether columns contain numbers or words, and which.

    Means, deviations and words come from the training images alone, because statistics of
    held-out images would bias the scores.

    Args:
        index: The images, with splits.
        names: Names of columns: `data.features`.
        categorical: Columns whose numbers are categories.

    Raises:
        DataError: A column is not informative or is ambiguous; all problems are listed.
    """
    columns: list[TableColumn] = []
    problems: list[str] = []
    for name in names:
        training = index.columns[name][index.splits == TRAIN]
        found = _problems(index, name, training, name in categorical)
        problems += found
        if not found:
            columns.append(_measure_column(name, training, name in categorical))
    if problems:
        words = "`data.features` must be informative columns."
        what = message(words, "", **{"data.features": list(names)})
        raise listed_problems(what, problems)
    return TableFeatures(tuple(columns))


def remarks_on_features(index: ImageIndex, features: TableFeatures) -> list[str]:
    """Returns remarks on the columns, and on values that training images lack."""
    remarks = [f"table features: {', '.join(map(_describe, features.columns))}"]
    for column in features.columns:
        if isinstance(column, WordColumn):
            remarks += [
                f"words of the column {column.name} that differ only in case: "
                f"{', '.join(words)}"
                for words in alike_but_for_case(column.words)
            ]
        for split in (VALIDATION, TEST):
            cells = index.columns[column.name][index.splits == split]
            remarks += unknown_cells(column, cells, f"{SPLIT_NAMES[split]} images")
    return remarks


def unknown_cells(column: TableColumn, cells: Sequence[str] | Cells, of: str) -> list[str]:
    """Returns remarks on cells whose values the training images lack.

    Args:
        column: The column as measured on the training images.
        cells: Cells of other images.
        of: Name of these images, for the remarks.
    """
    if isinstance(column, WordColumn):
        new = sorted(set(cells) - {MISSING, *column.words})
        count = sum(cell in new for cell in cells)
        line = f"{count} {of} have a {column.name} that no training image has: {some(new)}"
        remarks = [line] if new else []
        knows_missing = MISSING in column.words
    else:
        remarks, knows_missing = [], column.has_missing
    lacking = sum(cell == MISSING for cell in cells)
    if lacking and not knows_missing:
        remarks.append(f"{lacking} {of} lack {column.name}, which no training image does")
    return remarks


def _measure_column(name: str, training: Cells, is_categorical: bool) -> TableColumn:
    if is_categorical or not _numbers(training):
        return WordColumn.of(name, training)
    return NumberColumn.of(name, training)


def _problems(
    index: ImageIndex, name: str, training: Cells, is_categorical: bool
) -> list[str]:
    known = sorted(set(training) - {MISSING})
    if not known:
        return [f"the column {name} has no value for any training image"]
    if is_categorical or not _numbers(training):
        return list(_problems_of_words(name, training))
    return _text_among_numbers(index, name) or indistinct_numbers(name, known)


def indistinct_numbers(name: str, known: Sequence[str]) -> list[str]:
    """Returns the problems of a column whose numbers do not differ enough for a model."""
    return [f"{line} (of the training images)" for line in indistinct(name, known)]


def _numbers(cells: Cells) -> list[str]:
    return [cell for cell in set(cells) if is_number(cell)]


def _problems_of_words(name: str, training: Cells) -> Iterator[str]:
    words = sorted(set(training))
    if len(words) == 1:
        yield f"the column {name} has one value only (of the training images): {words[0]}"
    if len(words) > MOST_WORDS:
        yield (
            f"the column {name} has {len(words):,} different words, more than "
            f"{MOST_WORDS}: {some(words)}. Names and notes do not generalize to new images"
        )


def _text_among_numbers(index: ImageIndex, name: str) -> list[str]:
    cells = zip(index.paths, index.columns[name], strict=True)
    text = [f"{path} ({cell})" for path, cell in cells if cell and not is_number(cell)]
    return counted_examples(
        f"cells of the column {name} are text, and others numbers (leave missing values "
        f"empty; if the numbers are categories, add {name} to data.categorical_features)",
        text,
    )


def _describe(column: TableColumn) -> str:
    if isinstance(column, WordColumn):
        return f"{column.name} ({len(column.words)} categories)"
    return f"{column.name} ({column.mean:.4g} ± {column.deviation:.4g})"
