"""Interprets names of folders and cells of tables as splits: `Train`, `test_set`."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

from ...core.suggestion import Suggestion
from .csv_file import CsvFile
from .image_index import SPLIT_NAMES
from .problems import Problem, counted_examples

UNCLEAR = "unclear"
AUTO = "auto"

_SPLITS = {
    "train": ("train", "training", "trn"),
    "validation": ("val", "valid", "validate", "validating", "validation", "dev"),
    "test": ("test", "tests", "testing", "tst"),
    UNCLEAR: ("eval", "evaluate", "evaluation", "holdout", "trainval", "valtest"),
}
_BY_WORD = {word: split for split, words in _SPLITS.items() for word in words}
_FILLERS = (
    "dataset",
    "data",
    "folder",
    "images",
    "image",
    "imgs",
    "img",
    "photos",
    "pictures",
    "samples",
    "sets",
    "set",
    "splits",
    "split",
)


def split_of(name: str, shared: Iterable[str] = ()) -> str | None:
    """Returns the split that a name denotes.

    Case, digits, separators and words such as `set` and `images` are ignored.

    Args:
        name: Name of a folder, or value in a table.
        shared: Further words to ignore, in lower case.

    Returns:
        `"train"`, `"validation"` or `"test"`; UNCLEAR if the name denotes a split but not
        which; None if it denotes none.

    Example:
        >>> split_of("training_set"), split_of("Validate"), split_of("trainer")
        ('train', 'validation', None)
    """
    overlooked = set(shared)
    return _BY_WORD.get(
        _without_fillers("".join(w for w in _words(name) if w not in overlooked))
    )


def splits_of(names: Sequence[str]) -> dict[str, str]:
    """Returns the splits that names denote, without names that denote none.

    Words that all names share are ignored.

    Example:
        >>> splits_of(["isic9_train", "isic9_test"])
        {'isic9_train': 'train', 'isic9_test': 'test'}
        >>> splits_of(["car", "train", "bus"])
        {'train': 'train'}
    """
    words = [set(_words(name)) for name in names]
    shared = set.intersection(*words) if len(words) > 1 else set()
    shared = {word for word in shared if _without_fillers(word) not in _BY_WORD}
    found = {name: split_of(name, shared) for name in names}
    return {name: split for name, split in found.items() if split is not None}


def choose_split_column(
    table: CsvFile, wanted: str | None, others: Collection[str]
) -> tuple[str | None, list[Problem]]:
    """Finds the split column.

    Args:
        table: The table.
        wanted: Name of the column, None for none, or `"auto"`: `split` in any case.
        others: Columns that have another meaning.

    Returns:
        Its name or None, and the problem of columns that may be one.
    """
    if wanted != AUTO:
        return (wanted if wanted in table.header else None), []
    free = [name for name in table.header if name not in others]
    named = next((name for name in free if name.casefold() == "split"), None)
    if named is not None:
        return named, []
    doubts = [name for name in free if _seems_to_contain_splits(table.column(name))]
    return None, [
        problem for name in doubts for problem in _ambiguous_column_problem(table, name)
    ]


def _seems_to_contain_splits(cells: Sequence[str]) -> bool:
    values = set(cells)
    return len(values) <= len(SPLIT_NAMES) and len(_denoted_splits(values)) > 1


def _ambiguous_column_problem(table: CsvFile, name: str) -> list[Problem]:
    values = ", ".join(sorted(set(table.column(name))))
    return [
        f"the column {name} seems to contain splits ({values})",
        Suggestion("", {"data.split_column": name}, f"uses the splits of {name}."),
        Suggestion("", {"data.split_column": None}, f"ignores those of {name}."),
    ]


def read_splits(table: CsvFile, column: str | None) -> tuple[list[str], list[Problem]]:
    """Returns the split of each row, empty without a split column, and the problems.

    Values such as `Train`, `val`, `dev` or `test_set` are recognized.
    """
    if column is None:
        return [""] * len(table.rows), []
    cells = table.column(column)
    splits = {cell: split_of(cell) for cell in set(cells)}
    unknown = [
        f"line {line}: {cell or 'nothing'}"
        for (line, _), cell in zip(table.rows, cells, strict=True)
        if splits[cell] not in SPLIT_NAMES
    ]
    what = f"rows have none of {', '.join(SPLIT_NAMES)} in the column {column}"
    problems: list[Problem] = [*counted_examples(what, unknown)]
    if problems:
        ignored = {"data.split_column": None}
        problems.append(Suggestion("", ignored, f"ignores the splits of {column}."))
    return [splits[cell] or "" for cell in cells], problems


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", name).casefold())


def _without_fillers(text: str) -> str:
    """Returns the text without filler words at its beginning and end.

    Example:
        >>> _without_fillers("trainingdataset")
        'training'
    """
    for filler in _FILLERS:
        if text.startswith(filler) or text.endswith(filler):
            return _without_fillers(text.removeprefix(filler).removesuffix(filler))
    return text


def _denoted_splits(values: Collection[str]) -> Sequence[str]:
    """Returns the splits that values denote; empty if one of them denotes none."""
    meant = [split_of(value) for value in values]
    return [s for s in meant if s in SPLIT_NAMES] if None not in meant else []
