"""Opens and runs a search, for the command line and for Python."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras_tuner
import tensorflow as tf

from ..callbacks.monitor import Monitor
from ..configs import SearchConfig, TrainerConfig
from ..core.errors import ConfigError, message
from ..core.processes import worker_environments
from ..core.run_layout import SEARCH_FILE
from ..strategies import find_devices
from .budget import Budget
from .choice import Choice, Keep
from .cluster.chief import Chief
from .cluster.role import Role
from .cluster.worker import Worker
from .cluster.worker_group import run_workers
from .directory import search_directory
from .executors.executor import Executor
from .executors.in_process import InProcess
from .executors.worker_processes import WorkerProcesses
from .folds import FoldedTrial
from .journal import Journal, deciding_settings
from .result import SearchResult
from .search import Notify, run_search
from .study import Study
from .trials import FitTrial
from .tuning.oracles import create_oracle, number_of_trials


@dataclass(frozen=True)
class SearchRequest:
    """The request for a search.

    Attributes:
        config: The section `search`: oracle, objective and number of trials.
        trainer: Settings of the Trainer of each trial.
        seed: Seed of the oracle.
        fit: Trains a trial, or one of its folds, in any process.
        make_space: Returns the search space. It may build a model, and is called after this
            process has released the GPUs for the trial processes.
        make_settings: Returns all settings by name; called after `make_space`.
        parallel_trials: Number of trials that run at a time on this machine, each in its
            own process.
        role: Role of this process in a distributed search; None on one machine.
        prepare_folds: See `FoldedTrial`; required with `config.folds`.
    """

    config: SearchConfig
    trainer: TrainerConfig
    seed: int
    fit: FitTrial
    make_space: Callable[[], keras_tuner.HyperParameters]
    make_settings: Callable[[], Mapping[str, Any]]
    parallel_trials: int = 1
    role: Role | None = None
    prepare_folds: Callable[[], str] = str

    @cached_property
    def trial(self) -> FitTrial:
        """The function that trains a whole trial."""
        folds = self.config.folds
        if folds is None:
            return self.fit
        return FoldedTrial(self.fit, folds, self.objective, self.prepare_folds)

    @cached_property
    def objective(self) -> Monitor:
        """The metric that is the score, with its direction."""
        return Monitor(self.config.objective, self.config.mode, setting="objective")

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings that determine the trials, by dotted name."""
        return deciding_settings(self.make_settings())


class Session:
    """An open search: its directory is locked, and its history is loaded.

    Args:
        request: The request.
        directory: Directory of the search, locked by this process.
        hides_output: Whether to redirect the output of trial processes to `worker-0.log`
            and so on.

    Attributes:
        study: The trials.
        executor: Runs the trials.
        budget: Limits of time and patience.

    Raises:
        CheckpointError: The history can't be read.
        ConfigError: The search was started with other settings.
    """

    def __init__(
        self, request: SearchRequest, directory: Path, hides_output: bool = False
    ) -> None:
        self._request = request
        self._directory = directory
        # First, because it releases the GPUs.
        self.executor = _create_executor(request, directory if hides_output else None)
        config, objective = request.config, request.objective
        journal = Journal(directory / SEARCH_FILE, request.settings)
        epochs = request.trainer.max_epochs
        space = _require_parameters(request.make_space())
        oracle = create_oracle(config, objective, space, request.seed, epochs)
        self.study = Study(oracle, objective, journal)
        self.budget = Budget.of(config)

    @property
    def max_trials(self) -> int:
        """Maximum number of trials."""
        return number_of_trials(self.study.oracle)

    @property
    def num_ended(self) -> int:
        """Number of trials that have ended."""
        return sum(trial.status != "running" for trial in self.study.trials.values())

    def describe(self, reason: str = "") -> list[str]:
        """Returns lines on the plan: oracle, number of trials, folds and objective.

        Args:
            reason: Why so many trials run at a time, if that was not set.
        """
        config, role = self._request.config, self._request.role
        objective = self.study.objective
        at_a_time = f"{self._request.parallel_trials} at a time{reason}"
        where = f"chief at {role.address}" if role else at_a_time
        most = f"at most {self.max_trials} trials" if self.max_trials > 1 else "one trial"
        better = "larger" if objective.mode == "max" else "smaller"
        return [
            f"search: {config.tuner}, {most}, {where}",
            *_describe_folds(config.folds),
            f"objective: {objective.name}, {better} is better",
        ]

    def run(self, notify: Notify) -> SearchResult:
        """Runs trials until the search ends or a signal arrives; see `run_search`."""
        config = self._request.config
        choice = Choice(config.choose, self.study.objective.mode)
        keep = Keep(config.keep, choice, refits=config.finish == "refit")
        return run_search(
            self.study, self.executor, self._directory, keep, notify, self.budget
        )


def _describe_folds(folds: int | None) -> list[str]:
    if folds is None:
        return []
    return [f"folds: {folds}; scores are mean +- standard error over folds"]


@contextlib.contextmanager
def open_session(
    request: SearchRequest, directory: Path, hides_output: bool = False
) -> Iterator[Session]:
    """Opens a search in a directory, to start or continue it.

    Args:
        request: The request.
        directory: Directory of the search.
        hides_output: See `Session`.

    Raises:
        CheckpointError: The history can't be read.
        ConfigError: The directory contains anything else, is in use or not writable, or the
            search was started with other settings.
    """
    with search_directory(directory) as own:
        yield Session(request, own, hides_output)


def run_worker(request: SearchRequest, role: Role, directory: Path) -> int | None:
    """Runs trials for a chief on another machine until it has no more.

    Args:
        request: The same request as that of the chief.
        role: Role of this process.
        directory: Directory of the search.

    Returns:
        The signal that stopped the worker, or None.

    Raises:
        WorkerError: The chief does not respond, or one of several workers failed.
        ConfigError: The chief runs another search.
    """
    name, settings = request.objective.name, request.settings
    if request.parallel_trials == 1:
        return Worker(role, request.trial, name, settings, directory).run()
    environments = _environments(request)
    return run_workers(role, request.trial, name, settings, directory, environments)


def _require_parameters(
    space: keras_tuner.HyperParameters,
) -> keras_tuner.HyperParameters:
    if not space.space:
        raise ConfigError(
            message(
                "The hypermodel must define at least one hyperparameter.",
                'For example, call hp.Float("learning_rate", 1e-4, 1e-1) in it.',
                space=[],
            )
        )
    return space


def _create_executor(request: SearchRequest, logs: Path | None) -> Executor:
    if request.role is not None:
        _release_gpus()
        return Chief(request.role, request.settings)
    if request.parallel_trials == 1:
        return InProcess(request.trial, request.objective.name)
    environments = _environments(request)
    return WorkerProcesses(request.trial, request.objective.name, environments, logs)


def _environments(request: SearchRequest) -> list[dict[str, str]]:
    """Returns the environment variables of trial processes, with their GPUs.

    Raises:
        ConfigError: Trials need GPUs, but there are none.
    """
    found = _release_gpus()
    if not found:  # raises here instead of in each process
        find_devices(request.trainer.accelerator)
    gpus = [] if request.trainer.accelerator == "cpu" else found
    return worker_environments(request.parallel_trials, gpus)


def _release_gpus() -> list[str]:
    """Hides the GPUs from this process, for use by other processes.

    Returns:
        Their names in CUDA_VISIBLE_DEVICES.
    """
    found = tf.config.list_physical_devices("GPU")
    with contextlib.suppress(RuntimeError):  # the user's program already uses them
        tf.config.set_visible_devices([], "GPU")
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = named.split(",") if named else map(str, range(len(found)))
    return [name for name, _ in zip(names, found, strict=False)]
