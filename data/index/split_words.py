"""Reads names such as `Train`, `test_set` and `ISIC-2017 Validation images` as splits."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

UNCLEAR = "unclear"

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
    """Which split a name means.

    Case, digits, separators and words such as `set` and `images` do not matter.

    Args:
        name: Of a folder, or a value in a table.
        shared: Words to overlook, in lower case.

    Returns:
        `"train"`, `"validation"`, `"test"`, UNCLEAR if it means one but not which, or
        None if it means none.

    Example:
        >>> split_of("training_set"), split_of("Validate"), split_of("trainer")
        ('train', 'validation', None)
    """
    overlooked = set(shared)
    return _BY_WORD.get(
        _without_fillers("".join(w for w in _words(name) if w not in overlooked))
    )


def splits_of(names: Sequence[str]) -> dict[str, str]:
    """Which splits names mean; those that mean none are left out.

    A word that all of them share is overlooked.

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


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", name).casefold())


def _without_fillers(text: str) -> str:
    """The text without such words at its beginning and end.

    Example:
        >>> _without_fillers("trainingdataset")
        'training'
    """
    for filler in _FILLERS:
        if text.startswith(filler) or text.endswith(filler):
            return _without_fillers(text.removeprefix(filler).removesuffix(filler))
    return text
