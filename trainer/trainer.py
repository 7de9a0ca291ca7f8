"""The front of the engine: fit, validate, test and predict."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import tensorflow as tf

from ..callbacks import default_callbacks, merge_callbacks
from ..configs import TrainerConfig, validated
from ..core.names import choose
from ..models import as_module
from ..strategies import (
    current_workers,
    require_outside_scope,
    workers_of,
)
from .checkpoint.run_directory import check_run_directory, scratch_directory
from .description import describe_devices
from .evaluator import Evaluator
from .fit import Fit
from .guards.keras_arguments import explains_keras_arguments
from .guards.pipeline_errors import errors_of_pipelines
from .result import FitResult
from .setup.class_weight import ClassWeight, weighted_by_class
from .setup.initial_weights import PathOfWeights
from .setup.sources import Asked, Buildable, sources_of


class Trainer(Evaluator):
    """Trains Keras models on one or many devices.

    A Trainer is a value: making one does nothing, and it can be used again. Its
    arguments are those of the section `trainer` of a configuration, and five more.

    Args:
        strategy: `"auto"`, `"single"`, `"mirrored"`, `"multi_worker"`, or a
            `tf.distribute.Strategy` of one process.
        accelerator: `"auto"`, `"gpu"` (never falls back to the CPU) or `"cpu"`.
        devices: How many, or `"auto"` for all.
        precision: `"float32"`, `"mixed_float16"` or `"mixed_bfloat16"`.
        deterministic: Whether to ask TensorFlow for repeatable operations, which is
            slower on GPUs and stays on for the process.
        max_epochs: Epochs after which to stop.
        min_epochs: Epochs before which no callback can stop the fit.
        max_steps: Steps after which to stop; an epoch that it cuts short counts.
        max_time: `"DD:HH:MM:SS"` after which to save and stop, to be resumed.
        limit_train_batches: Batches per epoch at most, or a part of them (up to 1.0).
        limit_val_batches: Validation batches at most, or a part of them.
        overfit_batches: Batches of the first epoch, or a part of them, to train and to
            validate on again and again: can the model learn at all?
        validate_every_n_epochs: Epochs between validations.
        validate_every_n_steps: Steps between further validations within epochs, or None.
        sanity_validation_batches: Batches to validate on before the first step, so that
            a fault in validation shows at once.
        fast_dev_run: One batch of training and of validation, and nothing is kept.
        steps_per_execution: Steps that run on the device between looks from Python;
            `"auto"` makes calls of about a tenth of a second.
        sync_batch_norm: Whether BatchNorm shares batch statistics between replicas;
            `"auto"` does. Without, results depend on the number of replicas, and moving
            statistics are the mean of theirs.
        check_replicas: Whether to run a batch of two rows for each replica and one more
            whole and cut before the first step, and to refuse what would depend on the
            number of replicas: a model that mixes rows, a loss or a metric of a batch.
        feature_cache: Whether to train on cached features of a frozen backbone; `"auto"`
            does where each picture has a fixed number of versions.
        seed: Of initial weights and dropout; order and augmentation have the data's.
        run_dir: Where checkpoints, metrics, pictures and the model go; without it
            nothing is written. A directory that holds a run resumes it.
        callbacks: A list, or a map from labels in which None switches a default off.
        export: Whether to write `model.keras` in the end; `"compiled"` keeps loss,
            metrics and optimizer in it.

    Raises:
        ConfigError: An argument is out of its range.

    Example:
        >>> trainer = Trainer(max_epochs=3, seed=0)
    """

    def __init__(
        self,
        *,
        strategy: str | tf.distribute.Strategy = "auto",
        accelerator: Literal["auto", "gpu", "cpu"] = "auto",
        devices: Literal["auto"] | int = "auto",
        precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32",
        deterministic: bool = False,
        max_epochs: int = 10,
        min_epochs: int = 0,
        max_steps: int | None = None,
        max_time: str | None = None,
        limit_train_batches: int | float | None = None,
        limit_val_batches: int | float | None = None,
        overfit_batches: int | float | None = None,
        validate_every_n_epochs: int = 1,
        validate_every_n_steps: int | None = None,
        sanity_validation_batches: int = 0,
        fast_dev_run: bool = False,
        steps_per_execution: Literal["auto"] | int = "auto",
        sync_batch_norm: Literal["auto"] | bool = "auto",
        check_replicas: bool = True,
        feature_cache: Literal["auto", "on", "off"] = "auto",
        seed: int = 0,
        run_dir: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Any] | Mapping[str, Any] | None = None,
        export: bool | Literal["compiled"] = True,
    ) -> None:
        settings = validated(
            TrainerConfig,
            "trainer",
            strategy=strategy if isinstance(strategy, str) else "auto",
            accelerator=accelerator,
            devices=devices,
            precision=precision,
            deterministic=deterministic,
            max_epochs=1 if fast_dev_run else max_epochs,
            min_epochs=min_epochs,
            max_steps=max_steps,
            max_time=max_time,
            limit_train_batches=1 if fast_dev_run else limit_train_batches,
            limit_val_batches=1 if fast_dev_run else limit_val_batches,
            overfit_batches=overfit_batches,
            validate_every_n_epochs=validate_every_n_epochs,
            validate_every_n_steps=validate_every_n_steps,
            sanity_validation_batches=sanity_validation_batches,
            fast_dev_run=fast_dev_run,
            steps_per_execution=steps_per_execution,
            sync_batch_norm=sync_batch_norm,
            check_replicas=check_replicas,
        )
        super().__init__(settings, strategy, run_dir)
        choose("feature_cache", feature_cache, dict.fromkeys(("auto", "on", "off")))
        self.feature_cache = feature_cache
        self.seed = seed
        self.callbacks = callbacks
        self.export = export
        self._announced: Sequence[str] = ()

    @explains_keras_arguments
    @errors_of_pipelines()
    def fit(
        self,
        module: Buildable,
        data: Any,
        *,
        validation_data: Any = None,
        class_weight: ClassWeight | None = None,
        initial_weights: PathOfWeights | None = None,
    ) -> FitResult:
        """Trains a model; resumes from the newest checkpoint in `run_dir`, if there is one.

        SIGINT, SIGTERM, SIGUSR1 and SIGUSR2 end the fit after the current step: its
        state is saved, and the result has `stop_reason="interrupted"`.

        Args:
            module: A `Module`, or a function that returns a compiled `keras.Model`;
                it is called once, in the scope of the strategy.
            data: `ImageData`; or a batched `tf.data.Dataset` with elements as
                `Model.fit` takes them; or a function `dataset(epoch, start_batch)`
                that returns one.
            validation_data: Likewise; not with `ImageData`, which brings its own.
            class_weight: Weights of training examples by class, as `Model.fit` takes
                them: `{0: 1.0, 1: 2.5}`. Classes that are left out have 1.
            initial_weights: What a new run begins with: another run, one of its
                checkpoints, or a file `.keras` or `.weights.h5`. It is only read.
                Epochs, optimizer and callbacks begin anew; a resumed run continues from
                its own checkpoint.

        Returns:
            The model, its history, and why training ended.

        Raises:
            ConfigError: Something that was asked for can't be done.
            DataError: The data would spoil the run.
            DivergedError: The loss is no longer a finite number.
            CheckpointError: A checkpoint can't be written, or none can be read.
        """
        asked = Asked(module, data, validation_data, class_weight, initial_weights)
        if self.settings.fast_dev_run:
            with scratch_directory() as directory:
                return self._make_fit(asked, directory).run()
        return self._make_fit(asked, self.run_dir).run()

    @errors_of_pipelines()
    def export_best(
        self,
        module: Buildable,
        data: Any,
        *,
        validation_data: Any = None,
        class_weight: ClassWeight | None = None,
        initial_weights: PathOfWeights | None = None,
    ) -> Path:
        """Writes `model.keras` for a run that is over, from its best checkpoint.

        `fit` does so in the end, unless `export` is False. In one process, with the
        arguments of `fit`.

        Returns:
            The file.

        Raises:
            ConfigError: `run_dir` has no checkpoints, or settings are not those of the
                run.
            CheckpointError: The checkpoint can't be read, or is of another model.
        """
        asked = Asked(module, data, validation_data, class_weight, initial_weights)
        return self._make_fit(asked, self.run_dir).export_best()

    def check(self) -> None:
        """Checks that there are such devices, and that `run_dir` can be used.

        `fit` does so, too; before reading data it saves the time for that.

        Raises:
            ConfigError: Something is not there or can't be used.
        """
        self._make_strategy()
        if self.run_dir is not None and current_workers().is_chief:
            check_run_directory(self.run_dir)

    def announce(self, batch_size: int | None = None) -> None:
        """Lets callbacks report on what `fit` will run, before data are read.

        `fit` does so, too, and does not repeat it then.

        Args:
            batch_size: Over all devices together, if it is known.

        Raises:
            ConfigError: There are no such devices.
        """
        strategy = self._make_strategy()
        self._announced = describe_devices(strategy, batch_size)
        if workers_of(strategy).is_chief:
            merge_callbacks(self.callbacks, default_callbacks(None)).announce(
                self._announced
            )

    def describe(
        self,
        module: Buildable,
        data: Any,
        *,
        validation_data: Any = None,
        class_weight: ClassWeight | None = None,
        initial_weights: PathOfWeights | None = None,
    ) -> list[str]:
        """Does all that comes before training: a dry run that writes nothing.

        It takes the arguments of `fit`.

        Returns:
            The lines that describe what `fit` would do.

        Raises:
            ConfigError: Something that was asked for can't be done.
            DataError: The data would spoil the run.
        """
        asked = Asked(module, data, validation_data, class_weight, initial_weights)
        return self._make_fit(asked, self.run_dir).describe()

    def _make_fit(self, asked: Asked, run_dir: str | os.PathLike[str] | None) -> Fit:
        require_outside_scope()
        strategy = self._make_strategy()
        is_chief = workers_of(strategy).is_chief
        directory = None
        if run_dir is not None:
            directory = check_run_directory(run_dir) if is_chief else Path(run_dir)
        callbacks = merge_callbacks(self.callbacks, default_callbacks(directory))
        train, validation = sources_of(asked.data, asked.validation_data, self.settings)
        return Fit(
            module=as_module(asked.module),
            data=asked.data,
            train=weighted_by_class(train, asked.class_weight),
            validation=validation,
            settings=self.settings,
            feature_cache=self.feature_cache,
            seed=self.seed,
            strategy=strategy,
            callbacks=callbacks if is_chief else callbacks.without_writers(),
            run_dir=directory if is_chief else None,
            export=self.export,
            announced=self._announced,
            class_weight=asked.class_weight,
            initial_weights=asked.initial_weights,
        )
