"""A search from Python over a user's hypermodel."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Unpack

import keras_tuner

from ..callbacks import Alerts
from ..callbacks.monitor import Monitor
from ..configs import SearchConfig, validated
from ..configs.arguments import SEARCH, takes_settings
from ..configs.options import SearchOptions
from ..core.errors import ConfigError, message
from ..core.signatures import require_signature
from ..core.user_path import user_path
from ..trainer import Trainer
from ..trainer.description import describe_data
from .advice import advise
from .cluster.role import Role
from .hypermodel_trial import Build, HypermodelTrial, given_callbacks
from .parallel import ParallelTrials
from .processes import parallel_of, require_one_process, role_in_search
from .result import SearchResult
from .search_alerts import SearchAlerts
from .session import SearchRequest, open_session, run_worker
from .winner import write_chosen


class Search:
    """Searches the hyperparameters of a Keras Tuner hypermodel.

    Args:
        hypermodel: A function `build(hp)` that returns a compiled `keras.Model`, or a
            `keras_tuner.HyperModel`.
        run_dir: Directory of the search, with one run per trial: `trial-000` and so on. If
            it already holds this search, the search continues.
        objective: Metric to optimize, or a `keras_tuner.Objective`.
        seed: Seed of the oracle and of every trial.
        parallel_trials: Number of trials that run at a time, each in its own process;
            `"auto"` is one per GPU, or per group of `devices` GPUs. Objects for the
            processes must be picklable: functions at the top level of a module, and data as
            `ImageData` or a function `dataset(epoch, start_batch)`. Put the top-level code
            of a script below `if __name__ == "__main__":`.
        trainer: Arguments of the `Trainer` of each trial. Early stopping on the objective
            is added to its callbacks, unless they include one. `Alerts` among them report
            on the search as a whole.
        **options: Settings of the section `search` of a configuration, such as `mode`,
            `tuner`, `max_trials`, `folds`, `keep` and `hyperband_factor`. See
            `docs/settings.md`.

    Raises:
        ConfigError: An argument is out of range, or the hypermodel overrides `fit`.

    Example:
        >>> search = Search(lambda hp: ..., run_dir="runs/search", max_trials=8)
    """

    @takes_settings(SEARCH)
    def __init__(
        self,
        hypermodel: Build | keras_tuner.HyperModel,
        *,
        run_dir: str | os.PathLike[str],
        objective: str | keras_tuner.Objective = "val_loss",
        seed: int = 0,
        parallel_trials: ParallelTrials = 1,
        trainer: Mapping[str, Any] | None = None,
        **options: Unpack[SearchOptions],
    ) -> None:
        require_one_process(str((trainer or {}).get("strategy", "auto")))
        if isinstance(objective, keras_tuner.Objective):
            options["mode"] = objective.direction
            objective = objective.name
        self._build = _builder(hypermodel)
        self._run_dir = user_path(run_dir).absolute()
        self._wanted = parallel_trials
        self._trainer, self._alerts = _without_alerts({"seed": seed} | dict(trainer or {}))
        self._seed = seed
        if "run_dir" in self._trainer:
            raise ConfigError(
                message(
                    "Pass `run_dir` to the Search, not to its trainer.",
                    trainer=sorted(self._trainer),
                )
            )
        self.settings = validated(
            SearchConfig, "search", objective=objective, seed=seed, **options
        )
        self.objective = Monitor(objective, self.settings.mode, setting="objective")
        self._trainer_settings = Trainer(**self._trainer).settings

    def run(
        self,
        data: Any,
        *,
        validation_data: Any = None,
        notify: Callable[[str], None] = print,
    ) -> SearchResult:
        """Runs the search, or continues it where it stopped.

        Args:
            data: See `Trainer.fit`.
            validation_data: See `Trainer.fit`.
            notify: Called with each line of progress.

        Returns:
            The trials, with the completed ones in `best`, best first. A worker of a
            distributed search returns no trials; its chief does.

        Raises:
            SearchError: All trials failed.
            ConfigError: The arguments can't be combined; for example, `folds` requires
                `ImageData`.
        """
        if self.settings.folds is not None:
            _require_images(data, validation_data, self.settings.folds)
        role = role_in_search(self._run_dir)
        request = self._request(data, validation_data, role)
        if role is not None and not role.is_chief:
            signal = run_worker(request, role, self._run_dir)
            return SearchResult([], [], self._run_dir, signal)
        alerts = SearchAlerts(self._alerts, self._run_dir)
        with open_session(request, self._run_dir) as session, alerts.around():
            for line in (*session.describe(), *self._describe_data(data)):
                notify(line)
            alerts.result = result = session.run(notify)
            if result.is_finished and result.winner is not None:
                write_chosen(result.run_dir, result.winner)
                for line in (*result.winner.lines(), *advise(result)):
                    notify(line)
        return result

    def _request(self, data: Any, validation_data: Any, role: Role | None) -> SearchRequest:
        trial = HypermodelTrial(
            self._build,
            data,
            validation_data,
            self._trainer,
            self.objective,
            self.settings,
        )
        return SearchRequest(
            self.settings,
            self._trainer_settings,
            self._seed,
            trial,
            self._space,
            self._all_settings,
            parallel_of(role, self._wanted, self._trainer_settings).trials,
            role,
            trial.prepare_folds,
        )

    def _describe_data(self, data: Any) -> list[str]:
        lines = describe_data(data)
        return lines if self.settings.folds is None else lines[1:]  # no split is used

    def _space(self) -> keras_tuner.HyperParameters:
        space = keras_tuner.HyperParameters()
        self._build(space)  # registers hyperparameters
        return space

    def _all_settings(self) -> dict[str, Any]:
        return {
            "seed": self._trainer["seed"],
            "search": self.settings.model_dump(),
            "trainer": self._trainer_settings.model_dump(),
            "space": self._space().get_config()["space"],
        }


def _builder(hypermodel: Build | keras_tuner.HyperModel) -> Build:
    """Returns the build function; rejects a hypermodel with its own `fit`."""
    if not isinstance(hypermodel, keras_tuner.HyperModel):
        remedy = "Ask hp for the values to search, such as hp.Float(...)."
        require_signature(hypermodel, ["hp"], "hypermodel", remedy)
        return hypermodel
    kind = type(hypermodel)
    if kind.fit is not keras_tuner.HyperModel.fit:
        raise ConfigError(
            message(
                "A hypermodel must not override `fit`: a Trainer trains its models.",
                "Move the code to `build`, to `training_step` of a keraunos.Module, or to "
                "the argument `trainer`.",
                hypermodel=kind.__name__,
            )
        )
    build: Build = hypermodel.build
    return build


def _require_images(data: Any, validation_data: Any, folds: int) -> None:
    from ..data import ImageData  # imports Pillow, which other data does not need

    if (
        isinstance(data, ImageData)
        and not data.train.is_of_fold
        and validation_data is None
    ):
        return
    raise ConfigError(
        message(
            "With `folds`, `data` must be ImageData that is not a fold itself, without "
            "`validation_data`: each fold serves as validation data once.",
            "Leave out `folds`, or read the images with `ImageData.from_folder` or "
            "`ImageData.from_csv`.",
            folds=folds,
            data=type(data).__name__,
            validation_data=type(validation_data).__name__,
        )
    )


def _without_alerts(trainer: dict[str, Any]) -> tuple[dict[str, Any], list[Alerts]]:
    """Splits the arguments of a Trainer into those of a trial, and `Alerts`."""
    given = given_callbacks(trainer)
    alerts = [each for each in given.values() if isinstance(each, Alerts)]
    if not alerts:
        return trainer, []
    others = {n: each for n, each in given.items() if not isinstance(each, Alerts)}
    return trainer | {"callbacks": others}, alerts
