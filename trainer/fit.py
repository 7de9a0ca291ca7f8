"""One fit: builds the model, runs the training loop, and returns the result."""

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import keras
import tensorflow as tf

from ..callbacks import CallbackList, RunState
from ..configs import TrainerConfig, max_seconds
from ..core.checkpoints import best_checkpoint
from ..core.signals import stop_signals
from ..features import FeaturePlan, Trainee, TrainerTools, plan_features
from ..models import Module
from ..models.averaged_weights import averaged_weights
from ..models.checkpoint_weights import restore_best
from ..strategies import workers_of
from .checkpoint.resume import (
    Resumption,
    clean_checkpoints,
    find_resumption,
    require_same_settings,
    share_resumption,
)
from .checkpoint.run_directory import claimed_directory, write_environment
from .checkpoint.state import restore_epoch, restore_run, was_compiled
from .contracts import BatchSource, WritesTables, batch_size_of
from .description import describe_data, describe_devices, describe_run
from .export import export_run, nothing_to_export
from .guards.out_of_memory import memory_advice
from .guards.seen_images import refuse_seen_images, weights_of
from .guards.unseeded_shuffles import describe_order
from .loop.epochs import limited
from .loop.evaluation import predict, predict_batches
from .loop.interruption import Interrupted, Interruption
from .loop.loop import Loop
from .loop.monitored_metrics import require_monitored_metrics
from .loop.stage import Stages
from .loop.validation_times import ValidationTimes
from .result import FitResult
from .settings import run_settings, settings_of_fit
from .setup.batch_limits import batch_limit
from .setup.class_weight import ClassWeight, weighted_by_class
from .setup.compiled_model import batch_spec, build_model
from .setup.dataset_orders import restore_order
from .setup.global_settings import global_settings
from .setup.initial_weights import PathOfWeights, load_initial_weights
from .setup.obstacles_to_features import obstacle_to_features
from .setup.phases import Accumulation
from .setup.schedule_length import set_schedule_length
from .step.keras_internals import build_compiled


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
class Fit:
    """One fit with everything it needs.

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
        export: Whether to export the whole model at the end; `"compiled"` includes loss,
            metrics and optimizer.
        class_weight: Weights of examples by class, or None.
        initial_weights: Weights to start a new run with, or None.
        announced: Lines announced already.
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
    export: bool | Literal["compiled"] = True
    class_weight: ClassWeight | None = None
    initial_weights: PathOfWeights | None = None
    announced: Sequence[str] = ()

    def run(self) -> FitResult:
        """Trains until the run ends, from the start or from a checkpoint."""
        workers = workers_of(self.strategy)
        with (
            workers.together(),
            claimed_directory(self.run_dir),
            self._global_settings(),
            memory_advice(self.settings.precision, self.data),
            stop_signals() as stop,
        ):
            limit = max_seconds(self.settings.max_time)
            interruption = Interruption(stop, limit, workers=workers)
            known = self._announce_surroundings()
            start = self._start(self._build())
            self.callbacks.announce(start.run.description[len(known) :])
            self._train(start, interruption)
        return FitResult.of(start.run)

    def describe(self) -> list[str]:
        """Builds the model and returns the lines that `run` would announce."""
        with self._global_settings():
            return self._start(self._build()).run.description

    def export_best(self) -> Path:
        """Writes the model of a finished run with the weights of its best epoch."""
        with claimed_directory(self.run_dir), self._global_settings():
            run, _, features = self._start(self._build())
            if self.run_dir is None or best_checkpoint(run.checkpoint_dir) is None:
                raise nothing_to_export(self.run_dir)
            restore_best(run.model, run.checkpoint_dir)
            tools = self._tools_for_features()
            cache = features.open_cache(tools, lambda: None)
            features.trainee(cache, run.max_epochs, tools).check()
            return self._export(run, self.run_dir)

    def _global_settings(self) -> AbstractContextManager[None]:
        settings = self.settings
        return global_settings(self.seed, settings.precision, settings.deterministic)

    def _announce_surroundings(self) -> list[str]:
        """Announces what is known before the model is built."""
        lines = describe_devices(self.strategy, batch_size_of(self.data))
        lines += describe_data(self.data)
        self.callbacks.announce([line for line in lines if line not in self.announced])
        return lines

    def _build(self) -> keras.Model:
        sync = self.settings.sync_batch_norm in ("auto", True)
        return build_model(self.module, self.strategy, self.train, sync)

    def _start(self, model: keras.Model) -> Start:
        """Creates the state of the run, and restores it when resuming."""
        run = self._new_run(model)
        require_monitored_metrics(self.callbacks, self.module, self._whole(model))
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

    def _train(self, start: Start, interruption: Interruption) -> None:
        run = start.run
        with run.background:  # figures are finished before the model is exported
            trainee = self._run_loop(start, interruption)
            if self.export and trainee is not None and not run.phases:
                trainee.check()
        if self.export and trainee is not None and self.run_dir is not None:
            self._export(run, self.run_dir)

    def _run_loop(self, start: Start, interruption: Interruption) -> Trainee | None:
        """Trains to the end and returns the trainee; None if interrupted."""
        run = start.run
        # On exit, the exported optimizer has its original gradient accumulation again.
        with contextlib.closing(Accumulation(run.model.optimizer)) as accumulation:
            try:
                trainee = self._make_trainee(start, interruption)
            except Interrupted as interrupted:  # there is nothing new to save yet
                run.interrupt(interrupted.reason, interrupted.signal)
                told = f"interrupted: {interrupted.cause} before the first step"
                self.callbacks.announce([f"{told}; nothing new is saved"])
                return None
            loop = self._make_loop(start, trainee, accumulation, interruption)
            self._begin_directory(run)
            loop.run(run)
        return None if run.is_interrupted else trainee

    def _make_trainee(self, start: Start, interruption: Interruption) -> Trainee:
        """Returns the trainee, on cached features if possible."""
        tools = self._tools_for_features()
        cache = start.features.open_cache(tools, interruption.check)
        if start.resumption is None:
            line = start.features.prepare(
                cache,
                lambda part, source: predict(part, source, interruption.check),
                tools,
            )
            if line:
                self.callbacks.announce([line])
        return start.features.trainee(cache, start.run.max_epochs, tools)

    def _make_loop(
        self,
        start: Start,
        trainee: Trainee,
        accumulation: Accumulation,
        interruption: Interruption,
    ) -> Loop:
        stages = Stages(
            self.module,
            self.strategy,
            self.settings,
            self.seed,
            self._whole(start.run.model),
            self.callbacks,
            accumulation,
            interruption,
        )
        stage = stages.first(trainee, was_compiled(start.resumption))
        if start.resumption is not None:
            restore_epoch(start.run, stage.training.step, start.resumption)
        times = ValidationTimes.of(self.settings)
        return Loop(stages, stage, self.callbacks, interruption, times, start.resumption)

    def _begin_directory(self, run: RunState) -> None:
        """Writes the files known before the first step, replacing leftovers."""
        if run.run_dir is None or run.checkpoint_dir is None:
            return
        clean_checkpoints(run.checkpoint_dir, run.resumed_from)
        write_environment(run.run_dir, self.strategy)
        if isinstance(self.data, WritesTables):
            self.data.write_tables(run.run_dir)

    def _export(self, run: RunState, run_dir: Path) -> Path:
        return export_run(run.model, self.data, run_dir, self.export == "compiled")

    def _whole(self, model: keras.Model) -> Trainee:
        return Trainee(model, self.train, self.validation)

    def _plan_features(self, run: RunState) -> FeaturePlan:
        # A later phase trains layers that were frozen, so that features can't be cached.
        mode = "auto" if run.phases and self.feature_cache == "on" else self.feature_cache
        obstacle = obstacle_to_features(self.settings, bool(run.phases))
        return plan_features(self.module, self._whole(run.model), mode, obstacle)

    def _tools_for_features(self) -> TrainerTools:
        return TrainerTools(
            predict_batches,
            lambda model, source: build_compiled(model, batch_spec(source)),
            lambda source: weighted_by_class(source, self.class_weight),
        )
