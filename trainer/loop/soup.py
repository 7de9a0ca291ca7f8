"""Averages the weights of several checkpoints at the end of a fit."""

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
    """Creates the soup requested by a callback, if any. All workers must call this.

    Each average is scored on the validation set like an epoch. If the soup is at least as
    good as the best checkpoint, it becomes the best checkpoint of the run.

    Args:
        run: A run at its end.
        validation: Validation of the last stage, or None.

    Raises:
        ConfigError: `monitor` is not a validation metric.
    """
    workers = workers_of(run.strategy)
    asked = workers.share(run.requested_soup and asdict(run.requested_soup))
    if asked is None or validation is None:
        return None
    recipe = SoupRecipe(**asked)
    variables = changing_variables(run.model)
    # Not interruptible: a checkpoint would contain the weights that are being tried.
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
    """Writes `soup.json`, and the soup as best checkpoint if it is exported."""
    if run.run_dir is None or run.checkpoint_dir is None:
        return
    if soup.is_exported:
        variables = changing_variables(run.model)
        if not (run.checkpoint_dir / FROZEN_FOLDER).is_dir():
            variables |= frozen_variables(run.model)
        path = run.checkpoint_dir / soup_name(run.step)
        remove_checkpoint(path.parent, path.name)  # left by a killed process
        write_bundle(path, Bundle({"weights": copy_values(variables)}))
        write_checked_text(run.checkpoint_dir / BEST_FILE, path.name + "\n")
    content = asdict(soup) | {"is_exported": soup.is_exported}
    write_checked_json(run.run_dir / SOUP_FILE, content)
