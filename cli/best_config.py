"""Writes the winner of a search: best.yaml and chosen.json."""

import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..configs import RunConfig, to_yaml
from ..core.files import write_text_atomic
from ..core.machine import versions
from ..core.names import printable
from ..core.run_layout import BEST_CONFIG_FILE

if TYPE_CHECKING:
    from ..search.outer_folds import OuterScores
    from ..search.winner import Winner

_PACKAGES = ("keraunos", "keras", "tensorflow", "keras-tuner")
_WIDTH = 88


def write_best(
    config: RunConfig,
    winner: "Winner",
    directory: Path,
    outer: "OuterScores | None" = None,
    is_finished: bool = True,
) -> None:
    """Writes best.yaml, with its origin in comments, and chosen.json.

    Args:
        config: The configuration of the winner.
        winner: The winner of the search.
        directory: The directory of the search.
        outer: Scores of the outer folds, if there are any.
        is_finished: Whether all trials have ended; chosen.json is written only then.
    """
    from ..search.winner import write_chosen  # loads Keras Tuner

    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    found = ", ".join(f"{name} {each}" for name, each in versions(_PACKAGES).items())
    lines = [
        f"from the search in {directory}",
        f"written: {written}",
        f"versions: {found}",
        *([] if is_finished else ["the search was not over yet"]),
        *winner.lines(),
        *([] if outer is None else outer.lines()),
    ]
    text = as_comments(lines) + to_yaml(config)
    write_text_atomic(directory / BEST_CONFIG_FILE, text)
    if is_finished:
        write_chosen(directory, winner, None if outer is None else outer.as_json())


def as_comments(lines: Iterable[str]) -> str:
    r"""Formats lines as YAML comments, with line breaks in them escaped.

    Example:
        >>> as_comments(["from\nthe search", "chosen: trial-000"])
        '# from\\nthe search\n# chosen: trial-000\n'
    """
    wrapped = (
        part
        for line in lines
        for part in textwrap.wrap(
            printable(line),
            _WIDTH,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    )
    return "".join(f"# {part}\n" for part in wrapped)
