"""Nested cross-validation: repeats a search for each outer fold, and tests its winner."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..configs import RunConfig, Space
from ..core.checked_files import write_checked_json
from ..core.errors import DataError
from ..core.removal import remove_folder
from ..core.run_layout import OUTER, OUTER_FILE, outer_name
from .best_config import write_best
from .configured_search import ConfiguredTrial, config_of_best, search_request
from .console import notify, show
from .divided_images import TABLES, list_images, with_tables
from .search_display import search_display, shows_table
from .search_finish import (
    Scores,
    finish_search,
    interrupted,
    set_aside_refit,
    test_winner,
)

if TYPE_CHECKING:
    from ..search.outer_folds import OuterScores
    from ..search.result import SearchResult


def run_outer_folds(
    config: RunConfig, space: Space, parallel_trials: int, directory: Path
) -> "OuterScores":
    """Runs one search per outer fold, and reports the test scores of the winners.

    Args:
        config: The configuration of the search, with absolute paths.
        space: The search space.
        parallel_trials: Number of trials to run in parallel.
        directory: The directory of the search. The search for fold N is in `outer-N`, and
            continues there.

    Raises:
        typer.Exit: The search was interrupted; the same command continues it.
        DataError: The images can't be divided into this many folds, or the rest of them
            not into the folds of a search.
    """
    from ..search.outer_folds import OuterScores

    scores = []
    configs = _configs(config, directory)
    _require_inner_folds(config, configs, space, directory)
    for number, own in enumerate(configs, 1):
        place = directory / outer_name(number)
        notify(f"outer fold {number} of {config.search.outer_folds}: {place}")
        scores.append(_search(own, space, parallel_trials, place, directory))
    outer = OuterScores(scores, config.search.objective)
    write_checked_json(directory / OUTER_FILE, outer.as_json())
    for line in outer.lines():
        show(line)
    return outer


def conclude(
    config: RunConfig,
    space: Space,
    result: "SearchResult",
    outer: "OuterScores | None" = None,
) -> Scores | None:
    """Writes the winner of a search, and refits or ensembles it according to `finish`.

    Args:
        config: The configuration of the search.
        space: The search space.
        result: The result of the search, which may have been interrupted.
        outer: Scores of the outer folds, if there are any.

    Returns:
        Scores of the final model on test images, if there are any.
    """
    from ..callbacks.monitor import Monitor

    search = config.search
    if result.winner is None:
        return None
    objective = Monitor(search.objective, search.mode, setting="objective")
    best = config_of_best(config, space, objective, result.winner.trial)
    if result.is_finished:
        set_aside_refit(result.run_dir, result.winner.trial.name)
    write_best(best, result.winner, result.run_dir, outer, result.is_finished)
    if not result.is_finished:
        return None
    return finish_search(search.finish, best, result.winner.trial, result.run_dir)


def _configs(config: RunConfig, directory: Path) -> list[RunConfig]:
    """Returns a configuration per outer fold, with the images of the fold for testing."""
    from ..data.index.image_index import TRAIN, VALIDATION
    from ..data.index.parts import assign_parts
    from ..search.trial_config import unsent

    count = config.search.outer_folds or 0
    built = list_images(config)
    index = built.index
    part_of = assign_parts(index, count, config.seed, built.dropped)
    inner = config.search.model_copy(update={"outer_folds": None})
    own = unsent(config.model_copy(update={"search": inner, "run_dir": None}))
    given = index.splits == VALIDATION
    made = []
    for part in range(count):
        is_tested = part_of == part
        sides = {
            "train": (index.splits == TRAIN) & ~is_tested,
            "validation": given,
            "test": is_tested,
        }
        folder = directory / f"{outer_name(part + 1)}-images"
        made.append(with_tables(own, built, sides, folder))
    return made


def _require_inner_folds(
    config: RunConfig, configs: Sequence[RunConfig], space: Space, directory: Path
) -> None:
    """Checks the folds of all these searches, rather than each after the one before.

    Of a search that has not begun, nothing is left if they can't be made.
    """
    if config.search.folds is None:
        return
    names = [outer_name(number) for number in range(1, len(configs) + 1)]
    has_begun = any((directory / name).exists() for name in names)
    for name, own in zip(["", *names], [config, *configs], strict=True):
        try:
            ConfiguredTrial(own, space).prepare_folds()
        except DataError as error:
            for each in () if has_begun else names:
                remove_folder(directory, f"{each}-images", OUTER, TABLES)
            raise DataError(f"{name}: {error}" if name else str(error)) from None


def _search(
    config: RunConfig, space: Space, parallel_trials: int, place: Path, whole: Path
) -> Scores:
    """Runs or continues one search, and returns the test scores of its winner."""
    from ..search.session import open_session

    request = search_request(config, space, parallel_trials, None)
    with open_session(request, place, hides_output=shows_table()) as session:
        with search_display(session) as write:
            result = session.run(write)
        scores = conclude(config, space, result)
        if result.signal is not None:
            raise interrupted(whole, result.signal)
        if scores is None and result.winner is not None:
            scores = test_winner(result.winner.trial, place)
    if scores is None:
        raise ValueError("Each outer fold has test images.")
    return scores
