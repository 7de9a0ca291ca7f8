"""Finds suspicious labels: several classes in one label, and look-alikes."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

_SEPARATORS = ("|", ";")
# Cyrillic and Greek letters that look like Latin ones.
_LOOK_ALIKES = str.maketrans(
    "АВЕКМНОРСТХаеосрхуіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",  # noqa: RUF001
    "ABEKMHOPCTXaeocpxyijsABEZHIKMNOPTYXo",
)
Key: TypeAlias = Callable[[str], object]


def twins(names: Iterable[str]) -> list[list[str]]:
    r"""Returns groups of names that look the same, or are the same number.

    Example:
        >>> twins(["0", "0.0", "1", "nevus", "nevus\u200b", "Nevus"])
        [['0', '0.0'], ['nevus', 'nevus\u200b']]
    """
    every = list(dict.fromkeys(names))
    return [*_groups(every, _number), *_groups(every, _appearance)]


def alike_but_for_case(names: Iterable[str]) -> list[list[str]]:
    """Returns groups of names that differ only in upper and lower case.

    Example:
        >>> alike_but_for_case(["Dog", "cat", "dog"])
        [['Dog', 'dog']]
    """
    return _groups(list(dict.fromkeys(names)), str.casefold)


def several_labels(labels: Iterable[str]) -> list[str]:
    """Returns labels that seem to contain several classes each.

    The signs are `|` and `;`, lists in brackets, labels whose comma-separated parts mostly
    recur, and more labels than distinct words in them.

    Example:
        >>> several_labels(["water|clear", "clear"])
        ['water|clear']
        >>> several_labels(["basal cell carcinoma", "squamous cell carcinoma"])
        []
    """
    every = list(dict.fromkeys(labels))
    marked = [each for each in every if _has_separators(each)]
    if marked:
        return marked
    return _comma_lists(every) or _word_combinations(every)


def _groups(names: Sequence[str], key: Key) -> list[list[str]]:
    by_key: dict[object, list[str]] = defaultdict(list)
    for name in names:
        by_key[key(name)].append(name)
    return [each for each in by_key.values() if len(each) > 1]


def _number(name: str) -> object:
    """Returns the value of a number, and any other name itself."""
    try:
        return float(name) if re.fullmatch(r"[-+0-9.eE]+", name) else name
    except ValueError:
        return name


def _appearance(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).translate(_LOOK_ALIKES)
    seen = "".join(each for each in plain if unicodedata.category(each) != "Cf")
    return " ".join(seen.split())


def _has_separators(label: str) -> bool:
    return any(each in label for each in _SEPARATORS) or (
        label.startswith(("[", "{")) and label.endswith(("]", "}"))
    )


def _comma_lists(labels: Sequence[str]) -> list[str]:
    """Returns labels with commas, if most of their parts occur in other labels, too."""
    parts = {each: {part.strip() for part in each.split(",")} for each in labels}
    listed = [each for each in labels if len(parts[each]) > 1]
    count: dict[str, int] = defaultdict(int)
    for each in labels:
        for part in parts[each]:
            count[part] += 1
    recurring = [count[part] > 1 for each in listed for part in parts[each]]
    return listed if sum(recurring) * 2 > len(recurring) else []


def _word_combinations(labels: Sequence[str]) -> list[str]:
    """Returns labels of several words, if they combine few words or only reorder them."""
    several = [each for each in labels if " " in each]
    words = {word for each in labels for word in each.split()}
    orders = _groups(several, lambda label: tuple(sorted(label.split())))
    is_product = len(several) > 2 and len(labels) > len(words)
    return several if is_product or orders else []
