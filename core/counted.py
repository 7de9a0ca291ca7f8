"""Formats numbers with nouns and verbs in the singular or plural."""


def counted(count: int, noun: str) -> str:
    """Formats a number with its noun.

    Args:
        count: The number.
        noun: The noun in the singular; its plural must be formed with s or es.

    Example:
        >>> counted(1, "image"), counted(2300, "image"), counted(0, "class")
        ('1 image', '2,300 images', '0 classes')
    """
    ending = "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{'' if count == 1 else ending}"


_VERBS = {
    "are": "is",
    "differ": "differs",
    "have": "has",
    "look": "looks",
    "match": "matches",
    "occur": "occurs",
    "repeat": "repeats",
    "count": "counts",
    "seem": "seems",
    "were": "was",
}


def counted_clause(count: int, clause: str) -> str:
    """Returns a number and a clause about what it counts, whose verbs agree with it.

    Args:
        count: How many.
        clause: In the plural; begins with the noun.

    Example:
        >>> [counted_clause(count, "rows have no class") for count in (1, 2300)]
        ['1 row has no class', '2,300 rows have no class']
        >>> counted_clause(1, "columns of a.csv occur twice and are ignored")
        '1 column of a.csv occurs twice and is ignored'
    """
    if count != 1:
        return f"{count:,} {clause}"
    noun, *words = clause.split(" ")
    has_verb = False
    for place, word in enumerate(words):
        follows = words[place - 1] in ("and", "or") if place else False
        if word in _VERBS and (follows or not has_verb):
            words[place], has_verb = _VERBS[word], True
    return " ".join(["1", "class" if noun == "classes" else noun.removesuffix("s"), *words])
