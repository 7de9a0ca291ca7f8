"""One fit: builds the model, runs the loop around it, and hands over the result."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from ..callbacks import CallbackList, RunState
from ..callbacks.model_checkpoint import best_checkpoint
from ..configs import TrainerConfig, max_seconds
from ..core.errors import ConfigError, message
from ..core.signals import stop_signals
from ..models import Module
from .batches import BatchSource, batch_limit
from .checkpoint import capture, capture_frozen, restore_run
from .compiled_model import build_model
from .description import describe_run
from .epochs import Training, Validation, limited
from .evaluation import predict
from .evaluation_step import EvaluationStep
from .export import CLASSES_FILE, MODEL_FILE, export_model, write_class_names
from .global_settings import global_settings
from .interruption import Interrupted, Interruption
from .keras_internals import accumulation_taken_over
from .loop import Loop
from .pace import Pace
from .result import FitResult
from .resume import Resumption, clear_the_way, find_resumption
from .run_directory import WritesTables, claimed_directory, write_environment
from .saver import Saver
from .settings import run_settings
from .train_step import TrainStep


@dataclass(frozen=True)
class Fitting:
    """Everything that one fit needs.

    Attributes:
        module: What to train.
        data: As `Trainer.fit` was given it.
        train: Batches to train on.
        validation: Batches to validate on, or None.
        settings: Of the Trainer.
        seed: Of initial weights and dropout.
        strategy: Where to train.
        callbacks: What happens around.
        run_dir: Where files go, or None.
    """

    module: Module
    data: Any
    train: BatchSource
    validation: BatchSource | None
    settings: TrainerConfig
    seed: int
    strategy: tf.distribute.Strategy
    callbacks: CallbackList
    run_dir: Path | None

    def run(self) -> FitResult:
        """Trains from the first line to the last, or on from where the run stood."""
        with (
            claimed_directory(self.run_dir),
            self._global_settings(),
            stop_signals() as stop,
        ):
            interruption = Interruption(stop, max_seconds(self.settings.max_time))
            model = self._build()
            run = self._new_run(model)
            with accumulation_taken_over(model.optimizer) as accumulate:
                step = self._train_step(model, accumulate)
                resumption = self._resume(run, step)
                self._train(run, step, resumption, interruption)
            if not run.is_interrupted:
                self._export(model)
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
            run = self._new_run(self._build())
            self._resume(run, self._train_step(run.model))
        return run.description

    def _global_settings(self) -> AbstractContextManager[None]:
        settings = self.settings
        return global_settings(self.seed, settings.precision, settings.deterministic)

    def _build(self) -> keras.Model:
        sync = self.settings.sync_batch_norm in ("auto", True)
        return build_model(self.module, self.strategy, self.train, sync)

    def _train_step(self, model: keras.Model, accumulate: int = 1) -> TrainStep:
        return TrainStep(
            model, self.module, self.strategy, self.train.prepare, self.seed, accumulate
        )

    def _new_run(self, model: keras.Model) -> RunState:
        return RunState(
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
            ),
            max_epochs=self.settings.max_epochs,
            steps_per_epoch=limited(self.train.num_batches, self._train_limit()),
            has_validation=self.validation is not None,
            run_dir=self.run_dir,
        )

    def _resume(self, run: RunState, step: TrainStep) -> Resumption | None:
        """Puts a run that was left back to where it stood."""
        resumption = find_resumption(run.checkpoint_dir, run.settings)
        if resumption is not None:
            restore_run(run, step, resumption)
        run.description = describe_run(run, self.module, self.callbacks, resumption)
        return resumption

    def _train(
        self,
        run: RunState,
        step: TrainStep,
        resumption: Resumption | None,
        interruption: Interruption,
    ) -> None:
        if resumption is None:
            try:
                self._prepare(run.model, interruption)
            except Interrupted as interrupted:  # there is nothing to save yet
                run.interrupt(interrupted.reason, interrupted.signal)
                return
        if run.checkpoint_dir is not None:
            clear_the_way(run.checkpoint_dir, run.resumed_from)
        self._write_what_was_asked()
        self._loop(run, step, resumption, interruption).run(run)

    def _prepare(self, model: keras.Model, interruption: Interruption) -> None:
        def predict_training_examples(part: keras.Model) -> Any:
            source = getattr(self.train, "in_order", self.train)
            return predict(part, source, between_calls=interruption.check)

        with self.strategy.scope():
            self.module.prepare(model, predict_training_examples)

    def _write_what_was_asked(self) -> None:
        if self.run_dir is None:
            return
        write_environment(self.run_dir, self.strategy)
        if isinstance(self.data, WritesTables):
            self.data.write_tables(self.run_dir)

    def _loop(
        self,
        run: RunState,
        step: TrainStep,
        resumption: Resumption | None,
        interruption: Interruption,
    ) -> Loop:
        settings, callbacks = self.settings, self.callbacks
        training = Training(
            step,
            self.train,
            callbacks.steps_until_due,
            Pace(settings.steps_per_execution),
            self._train_limit(),
            settings.max_steps,
        )
        return Loop(
            training,
            self._validation(run.model, interruption),
            callbacks,
            Saver(lambda run: capture(run, step, callbacks), capture_frozen),
            interruption,
            resumption,
        )

    def _validation(
        self, model: keras.Model, interruption: Interruption
    ) -> Validation | None:
        source = self.validation
        if source is None:
            return None
        step = EvaluationStep(model, self.module, self.strategy, source.prepare)
        limit = batch_limit(self.settings.limit_val_batches, source.num_batches)
        return Validation(step, source, limit, interruption.check)

    def _train_limit(self) -> int | None:
        limit = batch_limit(self.settings.limit_train_batches, self.train.num_batches)
        if self.train.num_batches is None and self.train.is_endless and limit is None:
            raise ConfigError(
                message(
                    "`limit_train_batches` must be given for a dataset without end.",
                    "Set it to the number of steps that make an epoch.",
                    limit_train_batches=None,
                )
            )
        return limit

    def _export(self, model: keras.Model) -> None:
        if self.run_dir is None:
            return
        export_model(model, self.run_dir / MODEL_FILE)
        if hasattr(self.data, "class_names"):
            write_class_names(self.data.class_names, self.run_dir / CLASSES_FILE)
