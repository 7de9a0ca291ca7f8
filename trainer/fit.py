"""One fit: builds the model, runs the loop around it, and hands over the result."""

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras
import tensorflow as tf

from ..callbacks import CallbackList, RunState
from ..configs import TrainerConfig, max_seconds
from ..core.checkpoints import best_checkpoint
from ..core.signals import stop_signals
from ..features import FeaturePlan, Trainee, TrainerTools, plan_features
from ..models import Module
from ..models.checkpoint_weights import restore_best
from ..strategies import workers_of
from .assembly import Assembly, Parts
from .checkpoint.resume import (
    Resumption,
    clear_the_way,
    find_resumption,
    require_same_settings,
    share_resumption,
)
from .checkpoint.run_directory import claimed_directory, write_environment
from .checkpoint.state import restore_epoch, restore_run
from .contracts import BatchSource, WritesTables, batch_size_of
from .description import describe_data, describe_devices, describe_run
from .export import export_run, nothing_to_export
from .guards.out_of_memory import memory_advice
from .loop.epochs import limited
from .loop.evaluation import predict, predict_batches
from .loop.interruption import Interrupted, Interruption
from .loop.learning_rate_probe import Probe
from .loop.loop import Loop
from .loop.validation_times import ValidationTimes
from .result import FitResult
from .settings import run_settings, settings_of_fit
from .setup.batch_limits import batch_limit
from .setup.class_weight import ClassWeight, weighted_by_class
from .setup.compiled_model import batch_spec, build_model
from .setup.global_settings import global_settings
from .setup.initial_weights import PathOfWeights, load_initial_weights
from .setup.phases import Accumulation, change_phase
from .setup.schedule_length import tell_schedule
from .step.keras_internals import build_compiled


@dataclass(frozen=True)
class Fitting:
    """Everything that one fit needs.

    Attributes:
        module: What to train.
        data: As `Trainer.fit` was given it.
        train: Batches to train on.
        validation: Batches to validate on, or None.
        settings: Of the Trainer.
        feature_cache: Whether to train on cached features: auto, on or off.
        seed: Of initial weights and dropout.
        strategy: Where to train.
        callbacks: What happens around.
        run_dir: Where files go, or None: also on all workers but the chief.
        export: Whether the whole model is wanted in the end; `"compiled"` with loss,
            metrics and optimizer.
        class_weight: Weights of examples by class, or None.
        initial_weights: What a new run begins with, or None.
        said: Lines that were announced already.
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
    said: Sequence[str] = ()

    def run(self) -> FitResult:
        """Trains from the first line to the last, or on from where the run stood."""
        workers = workers_of(self.strategy)
        with (
            workers.together(),
            claimed_directory(self.run_dir),
            self._global_settings(),
            memory_advice(self.settings.precision, self.data),
            stop_signals() as stop,
        ):
            interruption = Interruption(
                stop, max_seconds(self.settings.max_time), workers=workers
            )
            known = describe_devices(self.strategy, batch_size_of(self.data))
            known += describe_data(self.data)
            self.callbacks.announce([line for line in known if line not in self.said])
            model = self._build()
            run, resumption, plan = self._begin(model)
            self.callbacks.announce(run.description[len(known) :])
            with contextlib.closing(Accumulation(model.optimizer)) as accumulation:
                self._train(run, resumption, plan, accumulation, interruption)
        return FitResult(
            model,
            run.history,
            run.stop_reason or "",
            best_checkpoint(run.checkpoint_dir),
            self.run_dir,
            run.signal,
            is_finished=not run.is_interrupted,
        )

    def describe(self) -> list[str]:
        """Builds the model and says what would happen."""
        with self._global_settings():
            return self._begin(self._build())[0].description

    def export_best(self) -> Path:
        """Writes the model of a run that is over, with the weights of its best epoch."""
        with claimed_directory(self.run_dir), self._global_settings():
            run, _, plan = self._begin(self._build())
            if self.run_dir is None or best_checkpoint(run.checkpoint_dir) is None:
                raise nothing_to_export(self.run_dir)
            restore_best(run.model, run.checkpoint_dir)
            tools = self._tools_for_features()
            cache = plan.open_cache(tools, lambda: None)
            plan.trainee(cache, self.settings.max_epochs, tools).check()
            return self._export(run, self.run_dir)

    def _global_settings(self) -> AbstractContextManager[None]:
        settings = self.settings
        return global_settings(self.seed, settings.precision, settings.deterministic)

    def _build(self) -> keras.Model:
        sync = self.settings.sync_batch_norm in ("auto", True)
        return build_model(self.module, self.strategy, self.train, sync)

    def _begin(self, model: keras.Model) -> tuple[RunState, Resumption | None, FeaturePlan]:
        """The state of the run: new, or as it was left."""
        steps_per_epoch = limited(self.train.num_batches, self._train_limit())
        tell_schedule(model.optimizer, steps_per_epoch, self.settings.max_epochs)
        run = RunState(
            model=model,
            strategy=self.strategy,
            data=self.data,
            settings=run_settings(
                model,
                self.module,
                self.data,
                self.train.num_batches,
                self.settings,
                self.seed,
            )
            | settings_of_fit(self.feature_cache, self.class_weight, self.initial_weights),
            max_epochs=self.settings.max_epochs,
            min_epochs=self.settings.min_epochs,
            steps_per_epoch=steps_per_epoch,
            has_validation=self.validation is not None,
            run_dir=self.run_dir,
        )
        workers = workers_of(self.strategy)
        require_same_settings(workers, run.settings)
        found = find_resumption(run.checkpoint_dir, run.settings)
        resumption = share_resumption(workers, found)
        if resumption is not None:
            restore_run(run, resumption)
        elif self.initial_weights is not None:
            load_initial_weights(model, self.initial_weights, workers)
        plan = self._plan_features(run)
        run.description = describe_run(
            run, self.module, self.callbacks, plan.reason, resumption
        )
        return run, resumption, plan

    def _train(
        self,
        run: RunState,
        resumption: Resumption | None,
        plan: FeaturePlan,
        accumulation: Accumulation,
        interruption: Interruption,
    ) -> None:
        try:
            trainee = self._make_ready(plan, resumption, interruption)
        except Interrupted as interrupted:  # there is nothing new to save yet
            run.interrupt(interrupted.reason, interrupted.signal)
            return
        loop = self._loop(run, trainee, resumption, accumulation, interruption)
        if run.checkpoint_dir is not None:
            clear_the_way(run.checkpoint_dir, run.resumed_from)
        self._write_what_was_asked()
        loop.run(run)
        accumulation.close()  # what is exported says how it was compiled
        self._finish(run, trainee)

    def _make_ready(
        self, plan: FeaturePlan, resumption: Resumption | None, interruption: Interruption
    ) -> Trainee:
        """What is trained, with features where they are cached."""
        tools = self._tools_for_features()
        cache = plan.open_cache(tools, interruption.check)
        if resumption is None:
            plan.prepare(
                cache,
                lambda part, source: predict(part, source, interruption.check),
            )
        return plan.trainee(cache, self.settings.max_epochs, tools)

    def _loop(
        self,
        run: RunState,
        trainee: Trainee,
        resumption: Resumption | None,
        accumulation: Accumulation,
        interruption: Interruption,
    ) -> Loop:
        assembly = Assembly(
            self.module,
            self.strategy,
            self.settings,
            self.seed,
            self.callbacks,
            self._train_limit(),
            interruption.check,
        )

        def begin_phase(run: RunState) -> Parts:
            trainee.check()
            change_phase(run, accumulation)
            return assembly.parts(self._whole(run.model), accumulation.steps)

        parts = assembly.parts(trainee, accumulation.steps)
        step = parts.training.step
        run.try_learning_rates = Probe(step, trainee.train, accumulation.steps)
        if resumption is not None:
            restore_epoch(run, step, resumption)
        times = ValidationTimes.of(self.settings)
        return Loop(*parts, self.callbacks, interruption, resumption, times, begin_phase)

    def _finish(self, run: RunState, trainee: Trainee) -> None:
        """Checks and saves the whole model, if it is wanted."""
        if run.is_interrupted or not self.export:
            return
        if not run.phases:
            trainee.check()
        if self.run_dir is not None:
            self._export(run, self.run_dir)

    def _export(self, run: RunState, run_dir: Path) -> Path:
        return export_run(run.model, self.data, run_dir, self.export == "compiled")

    def _whole(self, model: keras.Model) -> Trainee:
        return Trainee(model, self.train, self.validation)

    def _plan_features(self, run: RunState) -> FeaturePlan:
        # In a later phase what was frozen trains: nothing is cached, wanted or not.
        mode = "auto" if run.phases and self.feature_cache == "on" else self.feature_cache
        obstacle = self._obstacle_to_features(run)
        return plan_features(self.module, self._whole(run.model), mode, obstacle)

    def _obstacle_to_features(self, run: RunState) -> str:
        """Why this fit can't train on cached features, whatever is trained on what."""
        if self.settings.fast_dev_run:
            return "fast_dev_run looks at one batch only"
        if self.settings.overfit_batches is not None:
            return "overfit_batches trains on the same images again and again"
        return "more of the model trains in this phase" if run.phases else ""

    def _tools_for_features(self) -> TrainerTools:
        return TrainerTools(
            predict_batches,
            lambda model, source: build_compiled(model, batch_spec(source)),
            lambda source: weighted_by_class(source, self.class_weight),
        )

    def _write_what_was_asked(self) -> None:
        if self.run_dir is None:
            return
        write_environment(self.run_dir, self.strategy)
        if isinstance(self.data, WritesTables):
            self.data.write_tables(self.run_dir)

    def _train_limit(self) -> int | None:
        return batch_limit(self.settings.limit_train_batches, self.train.num_batches)
