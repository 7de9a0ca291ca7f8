"""Runs a trial, which is an ordinary run with its own values."""

import contextlib
import gc
import shutil
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from filelock import Timeout

from ..core.errors import CheckpointError, ConfigError, DataError, KeraunosError, message
from ..core.files import new_directory, require_plain
from ..core.lock import LOCK_FILE, OWNER_FILE, file_lock
from ..core.metric_names import UnknownMetricError, unknown_metric
from ..core.run_layout import CHECKPOINTS_FOLDER, TENSORBOARD_FOLDER
from .runs import has_folds

if TYPE_CHECKING:
    from ..trainer import FitResult

DEATHS = 3  # of its process, after which a trial counts as failed
SECONDS_UNTIL_FREE = 60.0  # for an orphaned worker to save and exit

_freezes_garbage = False


@dataclass(frozen=True)
class TrialPlan:
    """The plan of a trial, in plain values that can be sent to any process.

    Attributes:
        number: Number of the trial, from 0.
        hyperparameters: `HyperParameters.get_config()`, including the values.
        directory: Directory of the run.
        max_epochs: Number of epochs, if set by the oracle.
        rival: Fold scores of the best trial so far; a trial that can no longer beat it
            stops after a fold.
        continues: Directory of the trial whose training this one continues.
        export: Whether to export the model of an ended trial instead of training.
        fold: Number of the fold, from 1; None for a whole trial.
    """

    number: int
    hyperparameters: dict[str, Any]
    directory: Path
    max_epochs: int | None = None
    continues: Path | None = None
    rival: Sequence[float] = ()
    export: bool = False
    fold: int | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Keras Tuner's values by name."""
        return dict(self.hyperparameters["values"])


@dataclass(frozen=True)
class Outcome:
    """The outcome of a trial.

    Attributes:
        status: `"interrupted"` means that it will be resumed.
        scores: The objective after each epoch, NaN without validation; with folds, their
            mean.
        seconds: Training time over all fits of a resumed trial.
        reason: Why it ended.
        signal: Number of the signal that interrupted it, or None.
        error: An error that may affect the whole search.
        traceback: Traceback of the failure.
        hyperparameters: Extended by what building the model added; None if it added none.
        fold_scores: Best score of each trained fold, in order.
        fold_epochs: Epochs of these scores.
    """

    status: Literal["completed", "failed", "interrupted"]
    scores: Sequence[float] = ()
    seconds: float = 0.0
    reason: str = ""
    signal: int | None = None
    error: KeraunosError | None = None
    traceback: str = field(default="", repr=False)
    hyperparameters: dict[str, Any] | None = field(default=None, repr=False)
    fold_scores: Sequence[float] = ()
    fold_epochs: Sequence[int] = ()


# Returns the result of a fit, with the hyperparameters that building the model added; the
# outcome of a trial over folds; or the path of the model, if the plan is to export it.
FitTrial = Callable[
    [TrialPlan], "FitResult | tuple[FitResult, dict[str, Any] | None] | Outcome | Path"
]


def run_trial(fit: FitTrial, plan: TrialPlan, objective: str) -> Outcome:
    """Runs or resumes a trial; errors become part of the outcome.

    Args:
        fit: Carries out the plan, and resumes an existing run.
        plan: The plan.
        objective: Name of the metric that is the score.
    """
    try:
        return _fit_trial(fit, plan, objective)
    except UnknownMetricError as error:
        if error.metric == objective:  # callbacks of a trial also monitor it
            error = _unknown_objective(objective, error.known)
        return Outcome("failed", reason=str(error), error=error.with_traceback(None))
    except (ConfigError, DataError, CheckpointError) as error:
        return Outcome("failed", reason=str(error), error=error.with_traceback(None))
    except Exception as error:
        return _failed_outcome(error)
    finally:
        _forget_models()


def _fit_trial(fit: FitTrial, plan: TrialPlan, objective: str) -> Outcome:
    _wait_until_free(plan.directory)
    _take_over(plan)
    answer = fit(plan)
    if isinstance(answer, Outcome):
        return answer
    if isinstance(answer, Path):
        return Outcome("completed")
    result, added = answer if isinstance(answer, tuple) else (answer, None)
    return _outcome(result, objective, added)


def _outcome(result: "FitResult", objective: str, added: dict[str, Any] | None) -> Outcome:
    if result.signal is not None:
        return Outcome("interrupted", signal=result.signal)
    if not result.history:  # its time limit was reached in the first epoch
        return Outcome("failed", reason=result.stop_reason)
    if objective not in result.history:
        raise _unknown_objective(objective, result.history)
    seconds = sum(result.history.get("seconds", ()))
    scores = list(map(float, result.history[objective]))
    return Outcome("completed", scores, seconds, result.stop_reason, hyperparameters=added)


def _unknown_objective(objective: str, known: Iterable[str]) -> UnknownMetricError:
    names = list(known)
    measured = [name for name in names if name.startswith("val_")]
    return unknown_metric("objective", objective, measured or names)


def _failed_outcome(error: Exception) -> Outcome:
    """Converts an exception to an outcome: one line, and the traceback."""
    text = "".join(traceback.format_exception(error))
    line = (str(error).strip().splitlines() or [""])[0]
    kind = type(error).__name__
    if isinstance(error, MemoryError) or kind == "ResourceExhaustedError":
        kind = "out of memory"
    return Outcome("failed", reason=f"{kind}: {line}", traceback=text)


def _wait_until_free(directory: Path) -> None:
    """Waits for a process of a killed search to finish saving this trial."""
    if not directory.is_dir():
        return
    try:
        with file_lock(directory / LOCK_FILE).acquire(timeout=SECONDS_UNTIL_FREE):
            pass
    except Timeout:
        raise ConfigError(
            message(
                "The trial must not be in use by another process.",
                "Is the same search still running?",
                directory=str(directory),
            )
        ) from None


def _take_over(plan: TrialPlan) -> None:
    """Copies the run of another trial, to be resumed for more epochs."""
    if plan.continues is None or plan.directory.exists() or not plan.continues.is_dir():
        return
    if has_folds(plan.continues):  # each fold copies its own
        return
    require_plain(
        plan.continues, CHECKPOINTS_FOLDER, TENSORBOARD_FOLDER
    )  # `copytree` would copy the target of a link
    left = shutil.ignore_patterns(LOCK_FILE, OWNER_FILE)
    with new_directory(plan.directory) as temporary:
        shutil.copytree(plan.continues, temporary, ignore=left, dirs_exist_ok=True)


@contextlib.contextmanager
def garbage_of_trials_only() -> Iterator[None]:
    """Excludes objects that outlive a trial from garbage collection.

    The modules of TensorFlow and a traced backbone are a million objects, so that each
    collection takes a fraction of a second.
    """
    global _freezes_garbage
    gc.freeze()
    _freezes_garbage = True
    try:
        yield
    finally:
        _freezes_garbage = False
        gc.unfreeze()


def _forget_models() -> None:
    """Frees models, which contain reference cycles, before the next trial.

    Not `keras.utils.clear_session`, which also drops the user's Keras settings and the
    traced backbone; tracing it again costs seconds.
    """
    for _ in range(2):  # traces are freed in the second pass, after the models
        gc.collect()
    if _freezes_garbage:
        gc.freeze()
