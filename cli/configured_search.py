"""Searches over the settings of a configuration: search space, trials and best trial."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..configs import DEFAULT_SPACE, RunConfig, Space, varied
from ..core.errors import ConfigError, message
from ..core.files import sha256_of_json
from .tensorflow import load_tensorflow
from .trial_folds import write_config_of_folds

if TYPE_CHECKING:
    from ..callbacks.monitor import Monitor
    from ..data import ImageData
    from ..models import SharedNetworks
    from ..search.cluster.role import Role
    from ..search.session import SearchRequest
    from ..search.study import Trial
    from ..search.trials import TrialPlan
    from ..trainer import FitResult


def space_of(config: RunConfig) -> Space:
    """Returns the search space of a configuration, or the default one.

    Raises:
        ConfigError: `search.space` is not set, although `model.builder` is.
    """
    if config.search.space is not None:
        return config.search.space
    if config.model.builder is not None:
        raise ConfigError(
            message(
                "`search.space` must name what varies if `model.builder` is set.",
                "Try search.space.model.arguments.NAME='{float: [0.0, 1.0]}'.",
                **{"search.space": None},
            )
        )
    return DEFAULT_SPACE


def search_request(
    config: RunConfig, space: Space, parallel_trials: int, role: "Role | None"
) -> "SearchRequest":
    """Creates the request for a search over a configuration."""
    from ..search.session import SearchRequest
    from ..search.tuning.space import hyperparameters

    chosen = config.search.seed
    trial = ConfiguredTrial(config, space)
    return SearchRequest(
        config.search,
        config.trainer,
        config.seed if chosen is None else chosen,
        trial,
        lambda: hyperparameters(space),
        lambda: config.model_dump(mode="json") | {"space": space},
        parallel_trials,
        role,
        trial.prepare_folds,
    )


def config_of_best(
    config: RunConfig, space: Space, objective: "Monitor", best: "Trial"
) -> RunConfig:
    """Returns the configuration that repeats the best trial.

    After a search over folds without a validation split of its own, the validation split
    of the result is as large as one fold.
    """
    from ..search.trial_config import best_config
    from ..search.tuning.space import decoded

    values = decoded(space, best.hyperparameters.values)
    found = best_config(config, values, objective, best.note("epochs"))
    folds = config.search.folds
    if folds is None or found.data.validation_split > 0:
        return found
    return varied(found, {"data.validation_split": 1 / folds})


def describe_features(config: RunConfig, space: Space) -> str:
    """Describes whether trials share features, as far as the settings determine it."""
    if config.feature_cache == "off":
        return "not cached (feature_cache is off)"
    varied = {*space} - {"augmentation.views"}
    varies = any(name.startswith("augmentation.") for name in varied)
    is_augmented = varies or not config.augmentation.is_identity
    trains = not config.model.is_fitted or "model.head" in space
    if config.augmentation.views == "fresh" and is_augmented and trains:
        return (
            "not cached for augmented images, because augmentation.views is fresh; with "
            "augmentation.views=2, all trials would share them"
        )
    shared = "computed once for each augmentation and version, and shared by all trials"
    if config.model.builder is not None:
        return f"{shared}, if the model has a frozen part"
    return shared


@dataclass
class ConfiguredTrial:
    """Trains trials of a configuration, in any process.

    Args:
        config: The configuration of the search.
        space: The search space.
    """

    config: RunConfig
    space: Space
    _data: dict[str, "ImageData"] = field(default_factory=dict, repr=False)
    _strategies: dict[Any, Any] = field(default_factory=dict, repr=False)
    _division: str = field(default="", repr=False)

    def __call__(self, plan: "TrialPlan") -> "FitResult | Path":
        """Trains, resumes or exports the planned trial."""
        load_tensorflow(self.config.trainer)
        from ..callbacks.monitor import Monitor
        from ..search.trial_callbacks import trial_callbacks
        from ..search.trial_config import config_of_fold, trial_config
        from ..search.tuning.space import decoded
        from .build import build_module, build_trainer

        settings = self.config.search
        objective = Monitor(settings.objective, settings.mode, setting="objective")
        values = decoded(self.space, plan.values)
        config = trial_config(self.config, values, objective, plan.max_epochs)
        if plan.fold is not None:
            config = config_of_fold(config, plan.fold)
        strategy = self._strategy_of(config)
        callbacks = trial_callbacks(settings, objective, plan.fold)
        trainer = build_trainer(
            config,
            plan.directory,
            strategy=strategy,
            callbacks=callbacks,
            export=False,
        )
        trainer.check()
        data = self._read_images(config)
        module = build_module(config, data, self._shared_networks)
        answer = (trainer.export_best if plan.export else trainer.fit)(module, data)
        if plan.fold is not None:
            write_config_of_folds(config, plan.directory.parent)
        return answer

    def prepare_folds(self) -> str:
        """Checks that the images can be divided into folds; returns a digest of the folds.

        Raises:
            DataError: They can't, the objective can't be measured in each fold, or the
                initial weights come from a run that trained on images of a fold.
        """
        if self._division:
            return self._division
        load_tensorflow(self.config.trainer)
        from ..data.folds import fingerprint_folds, require_folds
        from ..search.trial_config import config_of_fold

        settings = self.config.search
        folds = settings.folds or 0
        data = [self._read_images(config_of_fold(self.config, n + 1)) for n in range(folds)]
        require_folds(data, settings.objective)
        self._refuse_seen_images(data[0])
        self._division = fingerprint_folds(data)
        return self._division

    def _refuse_seen_images(self, fold: "ImageData") -> None:
        """Rejects weights that have seen held-out images of any fold, before training."""
        from ..trainer.guards.seen_images import refuse_seen_images

        model = self.config.model
        if model.builder is None and "model.weights" not in self.space:
            refuse_seen_images({"model.weights": model.weights}, fold, all_folds=True)

    @functools.cached_property
    def _shared_networks(self) -> "SharedNetworks":
        from ..models import SharedNetworks

        return SharedNetworks()

    def _strategy_of(self, config: RunConfig) -> Any:
        """Returns one strategy for all trials, because they share variables."""
        from ..strategies import create_strategy

        settings = config.trainer
        named = (settings.strategy, settings.accelerator, settings.devices)
        if named not in self._strategies:
            self._strategies[named] = create_strategy(*named)
        return self._strategies[named]

    def _read_images(self, config: RunConfig) -> "ImageData":
        """Reads the images once; trials with the same images share one object."""
        from ..search.trial_config import config_of_fold
        from .build import build_augmentation, build_data

        def kept(make: Callable[[], "ImageData"], *sections: str) -> "ImageData":
            key = sha256_of_json(config.model_dump(mode="json", include=set(sections)))
            if key not in self._data:
                self._data[key] = make()
            return self._data[key]

        def varied() -> "ImageData":
            read = kept(divided, "data", "seed")
            return read.with_augmentation(build_augmentation(config))

        def divided() -> "ImageData":
            fold, folds = config.data.fold, config.data.folds
            if fold is None or folds is None or fold == 1:
                return build_data(config)
            first = config_of_fold(config, 1)
            return self._read_images(first).fold(fold, folds)

        return kept(varied, "data", "seed", "augmentation")
