"""Averages several checkpoints into the model at the end of a fit."""

from dataclasses import asdict, replace

from ...callbacks import RunState
from ...core.bundle import Arrays, Bundle, write_bundle
from ...core.checked_files import write_checked_json, write_checked_text
from ...core.checkpoints import remove_checkpoint
from ...core.metric_names import unknown_metric
from ...core.run_layout import BEST_FILE, FROZEN_FOLDER, SOUP_FILE, soup_name
from ...models.checkpoint_weights import read_changing
from ...models.variables import (
    assign_values,
    changing_variables,
    copy_values,
    frozen_variables,
)
from ...models.weight_soup import Soup, SoupRecipe, make_soup
from ...strategies import workers_of
from .epochs import Validation


def add_soup(run: RunState, validation: Validation | None) -> Soup | None:
    """Creates the soup that a callback has asked for, if it has; all workers call this.

    Each mean is scored on all of validation, as every epoch is. The run's best
    checkpoint is the soup afterwards, if that is as good as the best single one.

    Args:
        run: At its end.
        validation: Of the model as it is trained last.
    """
    workers = workers_of(run.strategy)
    asked = workers.share(run.requested_soup and asdict(run.requested_soup))
    if asked is None or validation is None:
        return None
    recipe = SoupRecipe(**asked)
    variables = changing_variables(run.model)
    # A signal must not end it halfway: a checkpoint would hold what was being tried.
    validation = replace(validation, between_calls=lambda: None)

    def read(name: str) -> Arrays:
        own = run.checkpoint_dir and read_changing(run.checkpoint_dir / name, variables)
        return dict(workers.share(own))

    def score(weights: Arrays) -> float:
        assign_values(variables, weights)
        measured = {f"val_{n}": value for n, value in validation.epoch().items()}
        if recipe.monitor not in measured:
            raise unknown_metric("monitor", recipe.monitor, measured)
        return measured[recipe.monitor]

    soup, weights = make_soup(recipe, read, score)
    assign_values(variables, weights)
    _write(run, soup)
    return soup


def _write(run: RunState, soup: Soup) -> None:
    """Writes `soup.json`, and the weights as the best checkpoint if they are."""
    if run.run_dir is None or run.checkpoint_dir is None:
        return
    if soup.is_exported:
        variables = changing_variables(run.model)
        if not (run.checkpoint_dir / FROZEN_FOLDER).is_dir():
            variables |= frozen_variables(run.model)
        path = run.checkpoint_dir / soup_name(run.step)
        remove_checkpoint(path.parent, path.name)  # of a process that was killed
        write_bundle(path, Bundle({"weights": copy_values(variables)}))
        write_checked_text(run.checkpoint_dir / BEST_FILE, path.name + "\n")
    content = asdict(soup) | {"is_exported": soup.is_exported}
    write_checked_json(run.run_dir / SOUP_FILE, content)
