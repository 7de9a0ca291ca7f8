"""Which score of a finished search to report, and why not the one that was maximized."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .result import SearchResult
from .winner import Winner

if TYPE_CHECKING:
    from .outer_folds import OuterScores


def advise(
    result: SearchResult,
    test: Mapping[str, Any] | None = None,
    outer: "OuterScores | None" = None,
) -> list[str]:
    """Returns lines on which score to report; empty if the search was interrupted.

    Args:
        result: The result of the search.
        test: Scores of the final model on test images, as in test.json.
        outer: Scores of the outer folds.
    """
    if result.winner is None or not result.is_finished:
        return []
    return [
        *_reportable_scores(result.winner, test, outer),
        *_optimistic_scores(result.winner),
    ]


def _reportable_scores(
    winner: Winner, test: Mapping[str, Any] | None, outer: "OuterScores | None"
) -> Iterator[str]:
    metric = winner.objective.removeprefix("val_")
    if outer is not None:
        values = outer.as_json().get(metric, {})
        figure = _figure(metric, values.get("mean"), values.get("interval"))
        yield (
            f"to report: {figure} over {len(outer.scores)} outer folds: the whole "
            "procedure, each time on images that had no part in it"
        )
    if test is not None:
        intervals = test.get("intervals", {})
        figure = _figure(metric, test.get(metric), intervals.get(metric))
        yield f"to report: {figure} on the test images, which had no part in the search"
    if outer is None and test is None:
        yield (
            "to report: nothing yet. Test the chosen model once, on images that had no "
            "part in the search, or repeat the search with outer folds"
        )


def _optimistic_scores(winner: Winner) -> Iterator[str]:
    score = f"{winner.trial.score:.4f}"
    if winner.folds:
        why = [f"it is the best of {winner.num_trials} trials"] * (winner.num_trials > 1)
        why.append("each fold counts with the epoch that was best for it")
        yield (
            f"not to report: {score}: {', and '.join(why)}; the standard error over folds "
            "that share training images is no confidence interval"
        )
    else:
        yield f"not to report: {score}, for which trial and epoch were chosen"


def _figure(
    metric: str, value: float | None, interval: Sequence[float | None] | None
) -> str:
    if value is None:
        return "the scores"
    low, high = interval or (None, None)
    if low is None or high is None:
        return f"{metric} {value:.4f}"
    return f"{metric} {value:.4f} (95% interval {low:.4f} to {high:.4f})"
