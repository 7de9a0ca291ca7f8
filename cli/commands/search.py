"""`keraunos search`: search hyperparameters."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ...configs import RunConfig, Space
from ...configs.fold_rules import require_one_division
from ...configs.refit_rules import require_refit_without_validation
from ...core.counted import counted
from ...core.errors import ConfigError, message
from ...core.run_layout import RESULTS_FILE
from ...search.cluster.role import Role
from ...search.parallel import ParallelTrials
from ...search.processes import parallel_of, require_one_process, role_in_search
from ..configured_search import describe_features, search_request, space_of
from ..console import notify, show, show_table
from ..next_command import next_command
from ..run_directories import run_directory
from ..search_display import search_display, shows_table
from ..tensorflow import load_tensorflow
from ..typed_command import typed
from .fit import ConfigArguments, read_arguments

if TYPE_CHECKING:
    from ...search.result import SearchResult
    from ...search.session import SearchRequest, Session
    from ...search.study import Trial

ROWS = 10
MOST_TRIALS = 1000  # in parallel, on one machine


def search(
    arguments: ConfigArguments,
    parallel_trials: Annotated[
        str,
        typer.Option(
            metavar="N|auto",
            help="Number of trials to run in parallel; auto: one per GPU, or one per "
            "trainer.devices GPUs.",
        ),
    ] = "1",
) -> None:
    """Search hyperparameters.

    Trains many trials and reports the best settings. On several machines, the
    environment variables of Keras Tuner assign the roles.
    """
    config, name = read_arguments(arguments)
    require_one_process(config.trainer.strategy)
    space = space_of(config)
    require_one_division(config, space)
    role = role_in_search(config.run_dir)
    _require_supported(config, space, is_alone=role is None)
    parallel = parallel_of(role, _number_or_auto(parallel_trials), config.trainer)
    load_tensorflow(config.trainer if parallel.trials == 1 else None)
    from ..config_file import with_absolute_paths

    config = with_absolute_paths(config)
    request = search_request(config, space, parallel.trials, role)
    reason = f" ({parallel.reason})" if parallel.reason else ""
    with run_directory(config.run_dir, f"{name}-search") as directory:
        if role is None or role.is_chief:
            _search(config, space, request, directory.resolve(), reason)
        else:
            _run_worker(request, role, directory)


def _require_supported(config: RunConfig, space: Space, is_alone: bool) -> None:
    """Rejects settings that would fail after the trials, before any trial starts."""
    if config.search.outer_folds is not None and not is_alone:
        raise ConfigError(
            message(
                "Outer folds are searched one after another, on one machine.",
                "Leave out search.outer_folds or the environment variables that name a "
                "chief and workers; try --parallel-trials.",
                **{"search.outer_folds": config.search.outer_folds},
            )
        )
    if config.search.finish == "refit":
        require_refit_without_validation(config, space)


def _number_or_auto(text: str) -> ParallelTrials:
    if text == "auto":
        return "auto"
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_TRIALS:
        return int(text)
    raise ConfigError(
        message(
            f"`--parallel-trials` must be auto, or a whole number up to {MOST_TRIALS}.",
            parallel_trials=text,
        )
    )


def _run_worker(request: "SearchRequest", role: Role, directory: Path) -> None:
    from ...search.session import run_worker

    count = request.parallel_trials
    named = role.tuner_id if count == 1 else f"{role.tuner_id}.0 to .{count - 1}"
    notify(f"search: worker {named}, its chief is at {role.address}")
    signal = run_worker(request, role, directory)
    if signal is not None:
        raise typer.Exit(128 + signal)


def _search(
    config: RunConfig, space: Space, request: "SearchRequest", directory: Path, reason: str
) -> None:
    from ...search.advice import advise
    from ...search.search_alerts import SearchAlerts
    from ...search.session import open_session
    from ..build import alerts_of
    from ..nested_search import conclude, run_outer_folds
    from ..search_finish import interrupted

    with open_session(request, directory, hides_output=shows_table()) as session:
        _announce(config, space, session, reason)
        notify(f"search directory: {directory}")
        if session.num_ended:
            notify(f"continued: {counted(session.num_ended, 'trial')} finished so far")
        alerts = SearchAlerts(alerts_of(config), directory)
        with alerts.around(typer.Exit):
            outer = None
            if config.search.outer_folds is not None:
                outer = run_outer_folds(config, space, request.parallel_trials, directory)
            with search_display(session) as write:
                alerts.result = result = session.run(write)
            if result.is_finished:
                _show_trials(result, request.objective.name)
            scores = conclude(config, space, result, outer)
            for line in advise(result, scores, outer):
                show(line)
    if not result.is_finished:
        raise interrupted(directory, result.signal)
    _show_next_commands(result)


def _announce(config: RunConfig, space: Space, session: "Session", reason: str) -> None:
    from ...search.tuning.space import describe_space
    from ..divided_images import describe_images  # loads NumPy

    for line in session.describe(reason):
        notify(line)
    for line in describe_space(space):
        notify(f"varies: {line}")
    notify(f"features: {describe_features(config, space)}")
    for line in describe_images(config):
        notify(f"data: {line}")


def _show_trials(result: "SearchResult", objective: str) -> None:
    show_table(_table(result, objective))
    failed = sum(trial.status == "failed" for trial in result.trials)
    if failed:
        show(f"{failed} of {len(result.trials)} trials failed: see {RESULTS_FILE}")
    if result.winner is not None:
        for line in result.winner.lines():
            show(line)


def _show_next_commands(result: "SearchResult") -> None:
    show(f"search directory: {result.run_dir}")
    show(f"view it with: {typed('tensorboard', result.run_dir)}")
    show(f"next: {next_command(result.run_dir, 'search', 'finished')}")


def _table(result: "SearchResult", objective: str) -> Table:
    from ...search.report import score_text, short

    shown = _rows(result)
    names = list(dict.fromkeys(name for trial in shown for name in trial.values))
    columns = [name.rpartition(".")[2] for name in names]
    table = Table("trial", objective, "epoch", "seconds", *columns)
    for trial in shown:
        cells = [short(trial.values.get(name, "-")) for name in names]
        numbers = [score_text(trial), str(trial.best_epoch), f"{trial.seconds:.1f}"]
        mark = ", chosen" if trial is result.chosen is not result.best[0] else ""
        table.add_row(trial.name + mark, *numbers, *cells)
    return table


def _rows(result: "SearchResult") -> "list[Trial]":
    """Returns the best trials, and the winner even if it ranks lower."""
    best = result.best[:ROWS]
    chosen = result.chosen
    return best if chosen is None or chosen in best else [*best, chosen]
