"""Runs a search: starts trials, records their outcomes, and keeps the best models."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from ..core.errors import CheckpointError, KeraunosError, SearchError, message
from ..core.files import own_directory, write_text_atomic
from ..core.run_layout import MODEL_FILE, TRACEBACK_FILE, TRIAL, trial_name
from .budget import Budget, why_exhausted
from .choice import Keep
from .executors.executor import Executor, Stopped
from .insight.board import show_trial
from .insight.results import draw_results
from .pace import describe_disk, describe_rest
from .report import score_text, short, write_results
from .result import SearchResult
from .runs import forget_weights, is_exportable, runs_of
from .study import Study, Trial
from .trials import Outcome, TrialPlan, garbage_of_trials_only
from .winner import find_winner

Notify = Callable[[str], None]


def run_search(
    study: Study,
    executor: Executor,
    directory: Path,
    keep: Keep,
    notify: Notify,
    budget: Budget | None = None,
) -> SearchResult:
    """Runs trials until the oracle has no more, the budget is spent, or a signal arrives.

    Args:
        study: Proposes trials and records their outcomes.
        executor: Runs the trials.
        directory: Directory of the search, locked by this process.
        keep: Chooses the trials that keep their weights.
        notify: Called with each line of progress.
        budget: Limits of time and patience; none by default.

    Raises:
        SearchError: All trials failed.
        KeraunosError: A trial failed with an error that affects all, and none succeeded.
    """
    budget = budget or Budget()
    try:
        signal = _run(study, executor, directory, keep, notify, budget)
    except KeraunosError:
        if not any(
            TRIAL.fullmatch(each.name) for each in directory.iterdir()
        ):  # no trial has started
            study.discard()
        raise
    best = study.ranking()
    is_over = signal is None and not budget.reason  # no trial continues from another
    _forget_weights(study, directory, keep, is_over)
    write_results(directory, study)
    draw_results(directory, study, notify)
    if signal is None and not best:
        raise _all_failed_error(study, directory)
    trials = [trial for _, trial in sorted(study.trials.items())]
    winner = find_winner(best, keep.choice, study.objective)
    reason = "interrupted" if signal else budget.reason or why_exhausted(study)
    return SearchResult(trials, best, directory, signal, winner, reason)


def _run(
    study: Study,
    executor: Executor,
    directory: Path,
    keep: Keep,
    notify: Notify,
    budget: Budget,
) -> int | None:
    """Runs trials and exports the best models; returns the signal, if any."""
    try:
        with executor, garbage_of_trials_only():
            signal = _run_trials(study, executor, directory, keep, notify, budget)
            if signal is None:
                notify(f"no further trial: {budget.reason or why_exhausted(study)}")
            return signal or _export_best(study, executor, directory, keep)
    except Stopped as stopped:
        return stopped.number


def _run_trials(
    study: Study,
    executor: Executor,
    directory: Path,
    keep: Keep,
    notify: Notify,
    budget: Budget,
) -> int | None:
    """Runs all trials; returns the signal, if any."""

    def plan_next() -> TrialPlan | None:
        trial = study.ask(lambda: budget.allows(study))
        if trial is None:
            return None
        budget.pace.begin(trial.number)
        return _plan(trial, directory)

    for number, outcome in _run_plans(executor, plan_next):
        if outcome.status == "interrupted":
            return outcome.signal
        _raise_general_error(outcome, study)
        budget.pace.end(number)
        _record(study, study.trials[number], outcome, directory, notify, budget)
        _forget_weights(study, directory, keep)
        if budget.pace.num_ended == 1:
            notify(f"estimate: {describe_disk(directory, study, keep)}")
    return None


def _export_best(
    study: Study, executor: Executor, directory: Path, keep: Keep
) -> int | None:
    """Exports the models of the best trials; returns the signal, if any."""
    left = [
        trial
        for trial in keep.best(study.ranking())
        if any(map(is_exportable, runs_of(directory / trial.name)))
    ]
    plans = (replace(_plan(trial, directory), export=True) for trial in left)
    for number, outcome in _run_plans(executor, lambda: next(plans, None)):
        if outcome.status == "interrupted":
            return outcome.signal
        if outcome.status == "failed":
            raise _export_failed_error(study.trials[number], outcome)
    return None


def _run_plans(
    executor: Executor, plan_next: Callable[[], TrialPlan | None]
) -> Iterator[tuple[int, Outcome]]:
    """Starts planned trials whenever there is room, and yields each outcome.

    Ends when nothing is running and nothing is left to plan.
    """
    num_running = 0
    while True:
        while (has_room := executor.has_room) and (plan := plan_next()) is not None:
            executor.begin(plan)
            num_running += 1
        if has_room and num_running == 0:
            return
        ended = executor.wait()
        if ended is not None:
            num_running -= 1
            yield ended


def _plan(trial: Trial, directory: Path) -> TrialPlan:
    continued = trial.note("trial_id")
    return TrialPlan(
        trial.number,
        trial.hyperparameters.get_config(),
        directory / trial.name,
        trial.note("epochs"),
        None if continued is None else directory / trial_name(int(continued)),
        trial.rival,
    )


def _raise_general_error(outcome: Outcome, study: Study) -> None:
    """Raises an error that is not caused by the values of a trial."""
    has_completed = any(trial.score is not None for trial in study.trials.values())
    if outcome.error is not None and (
        isinstance(outcome.error, CheckpointError) or not has_completed
    ):
        raise outcome.error


def _record(
    study: Study,
    trial: Trial,
    outcome: Outcome,
    directory: Path,
    notify: Notify,
    budget: Budget,
) -> None:
    study.tell(trial, outcome)
    own_directory(directory / trial.name)  # missing if it failed before its run started
    if outcome.traceback:
        write_text_atomic(directory / trial.name / TRACEBACK_FILE, outcome.traceback)
    show_trial(directory, study, trial)
    write_results(directory, study)
    rest = describe_rest(study, budget.pace, budget.seconds_left)
    notify(_line(study, trial) + rest)


def _line(study: Study, trial: Trial) -> str:
    values = " ".join(f"{name}={short(value)}" for name, value in trial.values.items())
    if trial.score is None:
        return f"{trial.name} failed: {trial.reason} | {values}"
    best = study.ranking()[0]
    so_far = "best so far" if best is trial else f"best {best.score:.4f} in {best.name}"
    score = f"{study.objective.name} {score_text(trial)} in epoch {trial.best_epoch}"
    if not trial.is_whole:
        return f"{trial.name}: {score}: {trial.reason} ({so_far}) | {values}"
    epochs = f"epochs={len(trial.scores)} seconds={trial.seconds:.1f}"
    return f"{trial.name}: {score} ({so_far}) | {values} | {epochs}"


def _forget_weights(
    study: Study, directory: Path, keep: Keep, is_over: bool = False
) -> None:
    """Removes the weights of ended trials, except the best and those still needed."""
    kept = {trial.number for trial in keep.best(study.ranking())}
    if not is_over:
        kept |= {trial.number for trial in keep.choice.may_win(study.ranking())}
        kept |= study.may_be_continued() | _continued_trials(study)
    for number, trial in study.trials.items():
        run = directory / trial.name
        if trial.status != "running" and number not in kept and run.is_dir():
            forget_weights(run)


def _continued_trials(study: Study) -> set[int]:
    """Returns numbers of trials whose weights a running trial may still have to copy."""
    running = [trial for trial in study.trials.values() if trial.status == "running"]
    sources = [trial.note("trial_id") for trial in running]
    return {int(source) for source in sources if source is not None}


def _all_failed_error(study: Study, directory: Path) -> SearchError:
    reasons = list(dict.fromkeys(trial.reason for trial in study.trials.values()))
    return SearchError(
        message(
            f"At least one trial must succeed ({len(study.trials)} failed: "
            f"{'; '.join(reasons[:3])}).",
            f"See the tracebacks in {directory}/trial-*/{TRACEBACK_FILE}.",
        )
    )


def _export_failed_error(trial: Trial, outcome: Outcome) -> SearchError:
    return SearchError(
        message(
            f"The model of {trial.name}, one of the best, must be exported to "
            f"{MODEL_FILE} ({outcome.reason}).",
            "Fix the cause and run the same command again: finished trials are kept.",
            values=trial.values,
        )
    )
