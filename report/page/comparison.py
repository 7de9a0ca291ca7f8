"""Compares several runs side by side: scores, and settings that differ."""

from collections.abc import Sequence

from ...core.differences import flatten
from ...evaluation.finding import Table
from ..numbers import shown, with_interval
from ..run_report import RunReport
from .summary import headline, number_of_images

# Paths do not affect the results of a run.
_PLACES = ("run_dir", "cache_dir")


def comparison(reports: Sequence[RunReport]) -> Table:
    """Returns a table with scores and differing settings as rows, and runs as columns."""
    rows: list[list[object]] = [
        ["test images", *(number_of_images(each) for each in reports)],
        ["contradictory among them", *(_contradictory(each) for each in reports)],
    ]
    for how in ("all test images", "cleaned"):
        columns = [_scores(each, how == "cleaned") for each in reports]
        names = dict.fromkeys(name for column in columns for name in column)
        rows += [
            [f"{name}, {how}", *(column.get(name, "-") for column in columns)]
            for name in names
        ]
    rows += [["epochs", *(_epochs(each) for each in reports)], *_differing(reports)]
    names_of_runs = [each.facts.name for each in reports]
    return Table("Runs side by side", ["", *names_of_runs], rows)


def _contradictory(report: RunReport) -> int | None:
    return report.scores.get("contradictory_images", 0) if report.scores else None


def _scores(report: RunReport, is_cleaned: bool) -> dict[str, str]:
    scores = report.cleaned if is_cleaned else report.scores
    found = headline(scores, report.task) if scores else []
    return {each["name"]: with_interval(each) for each in found}


def _epochs(report: RunReport) -> int | None:
    return max(map(len, report.facts.history.values()), default=None)


def _differing(reports: Sequence[RunReport]) -> list[list[object]]:
    settings = [flatten(dict(each.facts.settings)) for each in reports]
    names = dict.fromkeys(name for each in settings for name in each)
    return [
        [name, *(shown(each.get(name)) for each in settings)]
        for name in names
        if name not in _PLACES and len({repr(each.get(name)) for each in settings}) > 1
    ]
