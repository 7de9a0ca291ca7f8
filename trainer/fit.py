"""One fit: prepares it, runs the training loop, and returns the result."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..callbacks import RunState
from ..configs import max_seconds
from ..core.checkpoints import best_checkpoint
from ..core.signals import stop_signals
from ..features import Trainee, TrainerTools
from ..models.checkpoint_weights import restore_best
from ..strategies import workers_of
from .checkpoint.resume import clean_checkpoints
from .checkpoint.run_directory import claimed_directory, write_environment
from .checkpoint.state import restore_epoch, was_compiled
from .contracts import WritesTables, batch_size_of
from .description import describe_data, describe_devices
from .export import export_run, nothing_to_export
from .guards.out_of_memory import memory_advice
from .loop.evaluation import predict, predict_batches
from .loop.interruption import Interrupted, Interruption
from .loop.loop import Loop
from .loop.stage import Stages
from .loop.validation_times import ValidationTimes
from .preparation import Preparation, Start
from .result import FitResult
from .setup.class_weight import weighted_by_class
from .setup.compiled_model import batch_spec
from .setup.phases import Accumulation
from .step.keras_internals import build_compiled


@dataclass(frozen=True)
class Fit:
    """One fit from its preparation to its result.

    Attributes:
        preparation: What the fit is given, and how it starts.
        export: Whether to export the whole model at the end; `"compiled"` includes loss,
            metrics and optimizer.
        announced: Lines announced already.
    """

    preparation: Preparation
    export: bool | Literal["compiled"] = True
    announced: Sequence[str] = ()

    def run(self) -> FitResult:
        """Trains until the run ends, from the start or from a checkpoint."""
        given = self.preparation
        workers = workers_of(given.strategy)
        with (
            workers.together(),
            claimed_directory(given.run_dir),
            given.global_settings(),
            memory_advice(given.settings.precision, given.data),
            stop_signals() as stop,
        ):
            limit = max_seconds(given.settings.max_time)
            interruption = Interruption(stop, limit, workers=workers)
            known = self._announce_surroundings()
            start = given.start()
            given.callbacks.announce(start.run.description[len(known) :])
            self._train(start, interruption)
        return FitResult.of(start.run)

    def describe(self) -> list[str]:
        """Builds the model and returns the lines that `run` would announce."""
        with self.preparation.global_settings():
            return self.preparation.start().run.description

    def export_best(self) -> Path:
        """Writes the model of a finished run with the weights of its best epoch."""
        given = self.preparation
        with claimed_directory(given.run_dir), given.global_settings():
            run, _, features = given.start()
            if run.run_dir is None or best_checkpoint(run.checkpoint_dir) is None:
                raise nothing_to_export(run.run_dir)
            restore_best(run.model, run.checkpoint_dir)
            tools = self._feature_tools()
            cache = features.open_cache(tools, lambda: None)
            features.trainee(cache, run.max_epochs, tools).check()
            return self._export(run, run.run_dir)

    def _announce_surroundings(self) -> list[str]:
        """Announces what is known before the model is built."""
        given = self.preparation
        lines = describe_devices(given.strategy, batch_size_of(given.data))
        lines += describe_data(given.data)
        given.callbacks.announce([line for line in lines if line not in self.announced])
        return lines

    def _train(self, start: Start, interruption: Interruption) -> None:
        run = start.run
        with run.background:  # figures are finished before the model is exported
            trainee = self._run_loop(start, interruption)
            if self.export and trainee is not None and not run.phases:
                trainee.check()
        if self.export and trainee is not None and run.run_dir is not None:
            self._export(run, run.run_dir)

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
                self.preparation.callbacks.announce([f"{told}; nothing new is saved"])
                return None
            loop = self._make_loop(start, trainee, accumulation, interruption)
            _begin_directory(run)
            loop.run(run)
        return None if run.is_interrupted else trainee

    def _make_trainee(self, start: Start, interruption: Interruption) -> Trainee:
        """Returns the trainee, on cached features if possible."""
        tools = self._feature_tools()
        cache = start.features.open_cache(tools, interruption.check)
        if start.resumption is None:
            line = start.features.prepare(
                cache,
                lambda part, source: predict(part, source, interruption.check),
                tools,
            )
            if line:
                self.preparation.callbacks.announce([line])
        return start.features.trainee(cache, start.run.max_epochs, tools)

    def _make_loop(
        self,
        start: Start,
        trainee: Trainee,
        accumulation: Accumulation,
        interruption: Interruption,
    ) -> Loop:
        given = self.preparation
        stages = Stages(
            given.module,
            given.strategy,
            given.settings,
            given.seed,
            given.whole(start.run.model),
            given.callbacks,
            accumulation,
            interruption,
        )
        stage = stages.first(trainee, was_compiled(start.resumption))
        if start.resumption is not None:
            restore_epoch(start.run, stage.training.step, start.resumption)
        times = ValidationTimes.of(given.settings)
        return Loop(stages, stage, given.callbacks, interruption, times, start.resumption)

    def _export(self, run: RunState, run_dir: Path) -> Path:
        return export_run(run.model, run.data, run_dir, self.export == "compiled")

    def _feature_tools(self) -> TrainerTools:
        return TrainerTools(
            predict_batches,
            lambda model, source: build_compiled(model, batch_spec(source)),
            lambda source: weighted_by_class(source, self.preparation.class_weight),
        )


def _begin_directory(run: RunState) -> None:
    """Writes the files known before the first step, replacing leftovers."""
    if run.run_dir is None or run.checkpoint_dir is None:
        return
    clean_checkpoints(run.checkpoint_dir, run.resumed_from)
    write_environment(run.run_dir, run.strategy)
    if isinstance(run.data, WritesTables):
        run.data.write_tables(run.run_dir)
