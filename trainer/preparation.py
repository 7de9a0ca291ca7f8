"""Everything before the first step of a fit: the model, its state, and a checkpoint."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ..callbacks import CallbackList, RunState
from ..configs import TrainerConfig
from ..features import FeaturePlan, Trainee, plan_features
from ..models import Module
from ..models.averaged_weights import averaged_weights
from ..strategies import workers_of
from .checkpoint.resume import (
    Resumption,
    find_resumption,
    require_same_settings,
    share_resumption,
)
from .checkpoint.state import restore_run
from .contracts import BatchSource
from .description import describe_run
from .guards.seen_images import refuse_seen_images, weights_of
from .guards.unseeded_shuffles import describe_order
from .loop.epochs import limited
from .loop.monitored_metrics import require_monitored_metrics
from .settings import run_settings, settings_of_fit
from .setup.batch_limits import batch_limit
from .setup.class_weight import ClassWeight
from .setup.compiled_model import build_model
from .setup.dataset_orders import restore_order
from .setup.global_settings import global_settings
from .setup.initial_weights import PathOfWeights, load_initial_weights
from .setup.obstacles_to_features import obstacle_to_features
from .setup.schedule_length import set_schedule_length


class Start(NamedTuple):
    """The starting point of a fit.

    Attributes:
        run: The state of the run: new or restored.
        resumption: The checkpoint to resume from, or None.
        features: The plan for caching features of the frozen part.
    """

    run: RunState
    resumption: Resumption | None
    features: FeaturePlan


@dataclass(frozen=True)
class Preparation:
    """What a fit is given, and how it gets from there to its first step.

    Attributes:
        module: The module to train.
        data: The data passed to `Trainer.fit`.
        train: Training batches.
        validation: Validation batches, or None.
        settings: Settings of the Trainer.
        feature_cache: Whether to train on cached features: auto, on or off.
        seed: Seed of initial weights and dropout.
        strategy: The strategy to train with.
        callbacks: The callbacks.
        run_dir: The run directory, or None; None on all workers except the chief.
        class_weight: Weights of examples by class, or None.
        initial_weights: Weights to start a new run with, or None.
    """

    module: Module
    data: Any
    train: BatchSource
    validation: BatchSource | None
    settings: TrainerConfig
    feature_cache: str
    seed: int
    strategy: tf.distribute.Strategy
    callbacks: CallbackList
    run_dir: Path | None
    class_weight: ClassWeight | None = None
    initial_weights: PathOfWeights | None = None

    def global_settings(self) -> AbstractContextManager[None]:
        """Returns a context with the seed, precision and determinism of the fit."""
        settings = self.settings
        return global_settings(self.seed, settings.precision, settings.deterministic)

    def start(self) -> Start:
        """Builds the model, creates the state of the run, and restores it when resuming."""
        sync = self.settings.sync_batch_norm in ("auto", True)
        model = build_model(self.module, self.strategy, self.train, sync)
        run = self._new_run(model)
        require_monitored_metrics(self.callbacks, self.module, self.whole(model))
        resumption = self._restore(run)
        known = self._find_seen_images(is_begun=resumption is not None)
        features = self._plan_features(run)
        run.description = describe_run(
            run, self.module, self.callbacks, features.reason, resumption
        )
        run.description += [*known, *describe_order(self.train, run)]
        return Start(run, resumption, features)

    def _find_seen_images(self, is_begun: bool) -> list[str]:
        if not workers_of(self.strategy).is_chief:
            return []
        weights = weights_of(self.module, self.initial_weights)
        return refuse_seen_images(weights, self.data, is_begun=is_begun)

    def _new_run(self, model: keras.Model) -> RunState:
        settings, num_batches = self.settings, self.train.num_batches
        limit = batch_limit(settings.limit_train_batches, num_batches)
        steps_per_epoch = limited(num_batches, limit)
        set_schedule_length(model.optimizer, steps_per_epoch, settings.max_epochs)
        return RunState(
            model=model,
            strategy=self.strategy,
            data=self.data,
            settings=run_settings(
                model, self.module, self.data, num_batches, settings, self.seed
            )
            | settings_of_fit(self.feature_cache, self.class_weight, self.initial_weights),
            max_epochs=1 if self.module.is_fitted else settings.max_epochs,
            min_epochs=0 if self.module.is_fitted else settings.min_epochs,
            steps_per_epoch=steps_per_epoch,
            has_validation=self.validation is not None,
            run_dir=self.run_dir,
            averages=averaged_weights(settings.use_ema_weights, model, self.strategy),
        )

    def _restore(self, run: RunState) -> Resumption | None:
        """Restores a run, or loads initial weights into a new one."""
        workers = workers_of(self.strategy)
        require_same_settings(workers, run.settings)
        found = find_resumption(run.checkpoint_dir, run.settings)
        resumption = share_resumption(workers, found)
        if resumption is not None:
            restore_run(run, resumption)
            restore_order(self.train, run)  # before a probe reads the first rows
        elif self.initial_weights is not None:
            load_initial_weights(run.model, self.initial_weights, workers)
        return resumption

    def whole(self, model: keras.Model) -> Trainee:
        """Returns the trainee that is the whole model, without cached features."""
        return Trainee(model, self.train, self.validation)

    def _plan_features(self, run: RunState) -> FeaturePlan:
        # A later phase trains layers that were frozen, so that features can't be cached.
        mode = "auto" if run.phases and self.feature_cache == "on" else self.feature_cache
        obstacle = obstacle_to_features(self.settings, bool(run.phases))
        return plan_features(self.module, self.whole(run.model), mode, obstacle)
