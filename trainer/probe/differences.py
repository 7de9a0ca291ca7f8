"""Describes differences between the results of a batch run whole and split."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ...core.errors import ConfigError
from ...core.suggestion import Suggestion
from .rounding import differ, distance


class Difference(NamedTuple):
    """A result that depends on how a batch is split.

    Attributes:
        what: Name of the result.
        whole: Text of its value for the whole batch.
        cut: Text of its value for the split batch.
        remedy: Advice in full sentences.
    """

    what: str
    whole: str
    cut: str
    remedy: str


def compare(
    what: str,
    remedy: str,
    whole: Any,
    cut: Any,
    nudged: Any,
    floor: float,
) -> list[Difference]:
    """Compares two arrays.

    Args:
        what: Name of the arrays.
        remedy: Advice if they differ.
        whole: Result of the whole batch.
        cut: Result of the split batch.
        nudged: Result of the whole batch with its last bits changed.
        floor: See `differ`.

    Returns:
        The difference, or an empty list if rounding explains it.

    Example:
        >>> compare("the loss", "Don't.", 0.5, 0.75, nudged=0.5, floor=1e-5)
        [Difference(what='the loss', whole='0.5', cut='0.75', remedy="Don't.")]
    """
    whole, cut = np.asarray(whole), np.asarray(cut)
    if not differ(whole, cut, nudged, floor):
        return []
    return [difference(what, remedy, whole, cut)]


def difference(what: str, remedy: str, whole: Any, cut: Any) -> Difference:
    """Describes two arrays that differ."""
    return Difference(what, *_shown(np.asarray(whole), np.asarray(cut)), remedy)


def refusal(found: Iterable[Difference], num_replicas: int, num_rows: int) -> ConfigError:
    """Returns the error for differences, with each result and each remedy once."""
    by_name: dict[str, Difference] = {}
    for difference in found:
        by_name.setdefault(difference.what, difference)
    values = "; ".join(
        f"{d.what}: {d.whole} whole, {d.cut} split" for d in by_name.values()
    )
    remedies = " ".join(dict.fromkeys(d.remedy for d in by_name.values()))
    return ConfigError(
        f"A batch must give the same results whole and split over {num_replicas} replicas. "
        f"Received, for {num_rows} rows: {values}. {remedies} Or train on one replica "
        "(devices=1).",
        Suggestion(
            "",
            {"trainer.check_replicas": False},
            "trains anyway, with results that depend on the number of replicas.",
        ),
    )


def _shown(whole: Any, cut: Any) -> tuple[str, str]:
    """Formats the two values that differ most, or the shapes if these differ."""
    if whole.shape != cut.shape:
        return f"an array of shape {whole.shape}", f"one of {cut.shape}"
    if whole.dtype.kind in "OSU":
        return "some strings", "other strings"
    place = np.unravel_index(distance(whole, cut).argmax(), whole.shape)
    where = f" at {[int(number) for number in place]}" if place else ""
    return f"{float(whole[place]):.7g}{where}", f"{float(cut[place]):.7g}"
