"""Lists the problems of tables, with settings that avoid them."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from ...core.counted import counted_clause
from ...core.errors import DataError
from ...core.suggestion import Suggestion

Problem: TypeAlias = str | Suggestion

_SHOWN = 5


def counted_examples(what: str, found: Sequence[str]) -> list[str]:
    """Returns one line with a count and the first examples; none without any.

    Example:
        >>> counted_examples("rows have no class", ["line 3"])
        ['1 row has no class: line 3']
    """
    if not found:
        return []
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return [f"{counted_clause(len(found), what)}: {'; '.join([*found[:_SHOWN], *more])}"]


def listed_problems(expected: str, problems: Iterable[Problem]) -> DataError:
    """Returns the error that lists problems, and then suggestions.

    Args:
        expected: What was expected, and of which file.
        problems: The problems, and suggestions to avoid them, in any order.

    Example:
        >>> ignore = Suggestion("", {"data.split_column": None}, "ignores the splits.")
        >>> print(listed_problems("A table must be good. a.csv:", [ignore, "it is not"]))
        A table must be good. a.csv:
          it is not
        data.split_column=null ignores the splits.
    """
    every = list(problems)
    lines = [f"  {each}" for each in every if isinstance(each, str)]
    suggestions = [each for each in every if isinstance(each, Suggestion)]
    return DataError("\n".join([expected, *lines]), *suggestions)
