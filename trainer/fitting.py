"""One fit: builds the model, runs the loop around it, and hands over the result."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

import keras
import tensorflow as tf

from ..callbacks import CallbackList, RunState
from ..callbacks.model_checkpoint import best_checkpoint
from ..configs import TrainerConfig
from ..core.errors import ConfigError, message
from ..models import Module
from ..strategies import describe_strategy
from .batches import BatchSource, batch_limit
from .checkpoint import save_checkpoint
from .compiled_model import build_model
from .epochs import Training, Validation, limited
from .evaluation import predict
from .evaluation_step import EvaluationStep
from .export import CLASSES_FILE, MODEL_FILE, export_model, write_class_names
from .global_settings import global_settings
from .keras_internals import accumulation_taken_over
from .loop import Loop
from .pace import Pace
from .result import FitResult
from .run_directory import WritesTables, write_environment
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
        """Trains from the first line to the last."""
        limit = self._train_limit()
        with self._global_settings():
            model = self._build()
            run = self._new_run(model, limit)
            self._make_directory()
            with accumulation_taken_over(model.optimizer) as steps:
                self._loop(model, limit, steps).run(run)
        self._export(model)
        return FitResult(
            model,
            run.history,
            run.stop_reason or "",
            best_checkpoint(run.checkpoint_dir),
            self.run_dir,
        )

    def describe(self) -> list[str]:
        """Builds the model and says what would happen."""
        limit = self._train_limit()
        with self._global_settings():
            return self._new_run(self._build_unprepared(), limit).description

    def _global_settings(self) -> AbstractContextManager[None]:
        settings = self.settings
        return global_settings(self.seed, settings.precision, settings.deterministic)

    def _build_unprepared(self) -> keras.Model:
        sync = self.settings.sync_batch_norm in ("auto", True)
        return build_model(self.module, self.strategy, self.train, sync)

    def _build(self) -> keras.Model:
        model = self._build_unprepared()
        with self.strategy.scope():
            self.module.prepare(model, self._predict_training_examples)
        return model

    def _predict_training_examples(self, model: keras.Model) -> Any:
        return predict(model, getattr(self.train, "in_order", self.train))

    def _new_run(self, model: keras.Model, limit: int | None) -> RunState:
        run = RunState(
            model=model,
            strategy=self.strategy,
            data=self.data,
            max_epochs=self.settings.max_epochs,
            steps_per_epoch=limited(self.train.num_batches, limit),
            has_validation=self.validation is not None,
            run_dir=self.run_dir,
        )
        run.description = self._describe(run)
        return run

    def _make_directory(self) -> None:
        if self.run_dir is None:
            return
        self.run_dir.mkdir(parents=True, exist_ok=True)
        write_environment(self.run_dir, self.strategy)
        if isinstance(self.data, WritesTables):
            self.data.write_tables(self.run_dir)

    def _loop(self, model: keras.Model, limit: int | None, accumulate: int) -> Loop:
        settings = self.settings
        step = TrainStep(
            model, self.module, self.strategy, self.train.prepare, self.seed, accumulate
        )
        training = Training(
            step,
            self.train,
            self.callbacks,
            Pace(settings.steps_per_execution),
            limit,
            settings.max_steps,
        )
        return Loop(training, self._validation(model), self.callbacks, save_checkpoint)

    def _validation(self, model: keras.Model) -> Validation | None:
        source = self.validation
        if source is None:
            return None
        step = EvaluationStep(model, self.module, self.strategy, source.prepare)
        limit = batch_limit(self.settings.limit_val_batches, source.num_batches)
        return Validation(step, source, limit)

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

    def _describe(self, run: RunState) -> list[str]:
        versions = [
            f"{name} {metadata.version(name)}"
            for name in ("keraunos", "tensorflow", "keras")
        ]
        lines = [f"{', '.join(versions)}, Python {python_version()}"]
        batch_size = getattr(self.data, "batch_size", None)
        lines.append(f"devices: {describe_strategy(self.strategy, batch_size)}")
        if hasattr(self.data, "describe"):
            lines += [f"data: {line}" for line in self.data.describe()]
        steps = run.steps_per_epoch or "an unknown number of"
        lines.append(f"steps: {steps} per epoch, at most {run.max_epochs} epochs")
        lines.append(f"model: {self.module.describe(run.model)}")
        lines.append(f"run directory: {self.run_dir or 'none, nothing is written'}")
        if self.callbacks.not_resumable():
            names = ", ".join(self.callbacks.not_resumable())
            lines.append(f"callbacks that start anew when a run is resumed: {names}")
        return lines

    def _export(self, model: keras.Model) -> None:
        if self.run_dir is None:
            return
        export_model(model, self.run_dir / MODEL_FILE)
        if hasattr(self.data, "class_names"):
            write_class_names(self.data.class_names, self.run_dir / CLASSES_FILE)
