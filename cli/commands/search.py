"""`keraunos search`: try many settings, and say which are best."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ...configs import DEFAULT_SPACE, RunConfig, Space, to_yaml
from ...core.errors import ConfigError, message
from ...core.files import sha256_of_json, write_text_atomic
from ...core.redaction import redacted
from ...core.run_layout import BEST_CONFIG_FILE, SEARCH_FILE
from ...search.cluster.role import ID, Role, find_role
from ...search.processes import require_one_process
from ..console import say, show, show_table
from ..run_directories import run_directory
from ..tensorflow import load_tensorflow
from .fit import ConfigArguments, read_arguments

if TYPE_CHECKING:
    from ...callbacks.monitor import Monitor
    from ...data import ImageData
    from ...models import SharedNetworks
    from ...search.search import Executor, SearchResult
    from ...search.study import Study
    from ...search.trials import TrialPlan
    from ...trainer import FitResult

ROWS = 10

# What may differ when a search goes on: where and how fast, and how many trials.
_HARMLESS: Any = {
    "run_dir": True,
    "cache_dir": True,
    "search": {"max_trials", "keep", "space"},
    "trainer": {
        "strategy",
        "accelerator",
        "devices",
        "cpu_devices",
        "steps_per_execution",
    },
}


def search(
    arguments: ConfigArguments,
    parallel_trials: Annotated[
        int, typer.Option(min=1, help="How many trials run at a time.")
    ] = 1,
) -> None:
    """Try many settings on training and validation data, and say which are best.

    On several machines the environment variables of Keras Tuner say who a process is.
    """
    config, name = read_arguments(arguments)
    require_one_process(config.trainer.strategy)
    space = _space_of(config)
    place = _find_place(config, parallel_trials)
    load_tensorflow(config.trainer if parallel_trials == 1 else None)
    from ..config_file import with_absolute_paths

    config = with_absolute_paths(config)
    with run_directory(config.run_dir, f"{name}-search") as directory:
        if place is None or place.is_chief:
            _search(config, space, directory.resolve(), parallel_trials, place)
        else:
            _work(config, space, directory, place)


@dataclass
class ConfiguredTrial:
    """Trains a trial of a configuration, in whichever process.

    Args:
        config: That of the search.
        space: What varies.
    """

    config: RunConfig
    space: Space
    _data: dict[str, "ImageData"] = field(default_factory=dict, repr=False)
    _strategies: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __call__(self, plan: "TrialPlan") -> "FitResult | Path":
        """Does as planned, or goes on where the trial stood."""
        load_tensorflow(self.config.trainer)
        from ...callbacks.monitor import Monitor
        from ...search.trial_config import trial_config
        from ...search.tuning.space import decoded
        from ..build import build_module, build_trainer

        settings = self.config.search
        objective = Monitor(settings.objective, settings.mode, setting="objective")
        values = decoded(self.space, plan.values)
        config = trial_config(self.config, values, objective, plan.max_epochs)
        strategy = self._strategy_of(config)
        trainer = build_trainer(config, plan.directory, strategy=strategy, export=False)
        trainer.check()
        data = self._read(config)
        module = build_module(config, data, self._shared)
        return (trainer.export_best if plan.export else trainer.fit)(module, data)

    @functools.cached_property
    def _shared(self) -> "SharedNetworks":
        from ...models import SharedNetworks

        return SharedNetworks()

    def _strategy_of(self, config: RunConfig) -> Any:
        """One for all trials, as those that share variables must."""
        from ...strategies import create_strategy

        settings = config.trainer
        named = (settings.strategy, settings.accelerator, settings.devices)
        if named not in self._strategies:
            self._strategies[named] = create_strategy(*named)
        return self._strategies[named]

    def _read(self, config: RunConfig) -> "ImageData":
        """The pictures; read once, and one object for all trials that see the same."""
        from ..build import build_augmentation, build_data

        def kept(make: Callable[[], "ImageData"], *sections: str) -> "ImageData":
            key = sha256_of_json(config.model_dump(mode="json", include=set(sections)))
            if key not in self._data:
                self._data[key] = make()
            return self._data[key]

        def varied() -> "ImageData":
            read = kept(lambda: build_data(config), "data", "seed")
            return read.with_augmentation(build_augmentation(config))

        return kept(varied, "data", "seed", "augmentation")


def _find_place(config: RunConfig, parallel_trials: int) -> Role | None:
    """Who this process is among several machines; None if it is alone."""
    place = find_role()
    if place is not None and (config.run_dir is None or parallel_trials > 1):
        raise ConfigError(
            message(
                "A search on several machines needs `run_dir`, a folder that all of them "
                "see, and starts one trial at a time in each worker.",
                f"Start more workers in place of --parallel-trials, or unset {ID}.",
                run_dir=config.run_dir,
                parallel_trials=parallel_trials,
            )
        )
    return place


def _space_of(config: RunConfig) -> Space:
    if config.search.space is not None:
        return config.search.space
    if config.model.builder is not None:
        raise ConfigError(
            message(
                "`search.space` must say what varies, as `model.builder` is given.",
                "Try search.space.model.arguments.NAME='{float: [0.0, 1.0]}'.",
                **{"search.space": None},
            )
        )
    return DEFAULT_SPACE


def _work(config: RunConfig, space: Space, directory: Path, place: Role) -> None:
    """Runs trials for the chief on another machine until it has no more."""
    from ...search.cluster.worker import Worker

    fingerprint = sha256_of_json(_settings(config, space))
    trial = ConfiguredTrial(config, space)
    objective = config.search.objective
    worker = Worker(place, trial, objective, fingerprint, directory)
    say(f"search: worker {place.tuner_id}, its chief is at {place.address}")
    signal = worker.run()
    if signal is not None:
        raise typer.Exit(128 + signal)


def _search(
    config: RunConfig, space: Space, directory: Path, count: int, place: Role | None
) -> None:
    from ...callbacks.monitor import Monitor
    from ...search.search import run_search, search_directory
    from ...search.tuning.oracles import number_of_trials
    from ...search.tuning.space import describe_space

    settings = config.search
    objective = Monitor(settings.objective, settings.mode, setting="objective")
    with search_directory(directory):
        study = _open_study(config, space, objective, directory)
        done = sum(trial.status != "running" for trial in study.trials.values())
        at_most = number_of_trials(study.oracle)
        better = "larger" if objective.mode == "max" else "smaller"
        where = f"{count} at a time" if place is None else f"chief at {place.address}"
        say(f"search: {config.search.tuner}, at most {at_most} trials, {where}")
        say(f"objective: {objective.name}, {better} is better")
        for line in describe_space(space):
            say(f"varies: {line}")
        say(f"features: {_features(config, space)}")
        say(f"search directory: {directory}")
        if done:
            say(f"continued: {done} trials have ended")
        executor = _executor(config, space, count, place)
        result = run_search(study, executor, directory, config.search.keep, say)
        if result.best:
            _write_best(config, space, objective, result)
    _report(result, objective)


def _features(config: RunConfig, space: Space) -> str:
    """Whether trials share what the backbone makes of pictures."""
    if config.model.builder is not None:
        return "not cached (no part of the model is known to stay as it is)"
    if config.feature_cache == "off":
        return "not cached (feature_cache is off)"
    varies = "augmentation.strength" in space or config.augmentation.strength > 0
    if config.augmentation.views == "fresh" and varies:
        return (
            "not cached where augmentation.strength is above 0, as augmentation.views is "
            "fresh; with augmentation.views=2 all trials would share them"
        )
    return "computed once for each strength and version, and shared by all trials"


def _open_study(
    config: RunConfig, space: Space, objective: "Monitor", directory: Path
) -> "Study":
    from ...search.journal import Journal
    from ...search.study import Study
    from ...search.tuning.oracles import create_oracle
    from ...search.tuning.space import hyperparameters

    journal = Journal(directory / SEARCH_FILE, _settings(config, space))
    chosen = config.search.seed
    seed = config.seed if chosen is None else chosen
    oracle = create_oracle(
        config.search, objective, hyperparameters(space), seed, config.trainer.max_epochs
    )
    return Study(oracle, objective, journal)


def _settings(config: RunConfig, space: Space) -> dict[str, Any]:
    """What decides the trials."""
    return redacted(config.model_dump(mode="json", exclude=_HARMLESS)) | {"space": space}


def _executor(
    config: RunConfig, space: Space, count: int, place: Role | None
) -> "Executor":
    from ...core.processes import worker_environments
    from ...search.executors.devices import give_up_gpus
    from ...search.executors.in_process import InProcess
    from ...search.executors.worker_processes import WorkerProcesses

    if place is not None:
        from ...search.cluster.chief import Chief

        give_up_gpus()
        return Chief(place, sha256_of_json(_settings(config, space)))
    trial = ConfiguredTrial(config, space)
    if count == 1:
        return InProcess(trial, config.search.objective)
    gpus = [] if config.trainer.accelerator == "cpu" else give_up_gpus()
    environments = worker_environments(count, gpus)
    return WorkerProcesses(trial, config.search.objective, environments)


def _write_best(
    config: RunConfig, space: Space, objective: "Monitor", result: "SearchResult"
) -> None:
    from ...search.trial_config import best_config
    from ...search.tuning.space import decoded

    best = result.best[0]
    values = decoded(space, best.hyperparameters.values)
    written = best_config(config, values, objective, best.note("epochs"))
    write_text_atomic(result.run_dir / BEST_CONFIG_FILE, to_yaml(written))


def _report(result: "SearchResult", objective: "Monitor") -> None:
    if result.signal is not None:
        say("stopped, and the state is saved. Go on with the same command and:")
        say(f"  run_dir={result.run_dir}")
        raise typer.Exit(128 + result.signal)
    names = list(result.best[0].values)
    columns = [name.rpartition(".")[2] for name in names]
    table = Table("trial", objective.name, "epoch", "seconds", *columns)
    for trial in result.best[:ROWS]:
        cells = [_cell(trial.values.get(name)) for name in names]
        numbers = [f"{trial.score:.4f}", str(trial.best_epoch), f"{trial.seconds:.1f}"]
        table.add_row(trial.name, *numbers, *cells)
    show_table(table)
    failed = sum(trial.status == "failed" for trial in result.trials)
    if failed:
        show(f"{failed} of {len(result.trials)} trials failed; results.csv says why")
    show(f"search directory: {result.run_dir}")
    show(f"look at it with: tensorboard --logdir {result.run_dir}")
    show(f"train the best one with: keraunos fit {result.run_dir / BEST_CONFIG_FILE}")


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
