"""The Trainer: fit, validate, test, predict and export."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import tensorflow as tf

from ..callbacks import default_callbacks, merge_callbacks
from ..configs.arguments import TRAINER, settings_of, takes_settings
from ..configs.choices import Export
from ..configs.options import TrainerOptions
from ..core.exit_codes import end_if_interrupted
from ..features import as_fitted_on
from ..models import as_module
from ..strategies import (
    current_workers,
    require_outside_scope,
    require_strategy_name,
    workers_of,
)
from .checkpoint.run_directory import check_run_directory, scratch_directory
from .description import describe_devices
from .evaluator import Evaluator
from .fit import Fit
from .guards.imbalance import refuse_second_correction
from .guards.keras_arguments import explains_keras_arguments
from .guards.other_columns import refuse_other_columns
from .guards.other_task import refuse_other_task
from .guards.pipeline_errors import errors_of_pipelines
from .guards.unseeded_shuffles import require_shared_order
from .preparation import Preparation
from .result import FitResult
from .setup.class_weight import ClassWeight, weighted_by_class
from .setup.initial_weights import PathOfWeights
from .setup.sources import Buildable, FitArguments, sources_of


class Trainer(Evaluator):
    """Trains Keras models on one or many devices.

    The number of devices does not change the result. A Trainer only holds settings:
    creating one has no side effects, and it can be reused for several fits. Its seed
    determines initial weights and dropout; order and augmentation use the seed of the data.

    Args:
        strategy: How devices work together: `"auto"`, `"single"`, `"mirrored"`,
            `"multi_worker"`, or a `tf.distribute.Strategy` of one process.
        run_dir: Directory for checkpoints, metrics, figures and the model. If it contains
            a run, the run is resumed. By default, nothing is written.
        callbacks: A list of callbacks of Keraunos or Keras, in addition to the default
            ones; or a dict by label, in which None disables a default callback.
        export: Whether to write `model.keras` at the end; `"compiled"` includes loss,
            metrics and optimizer.
        **options: The settings of the section `trainer` of a configuration, `seed` and
            `feature_cache`: see `docs/settings.md`, or `help(Trainer)`.

    Raises:
        ConfigError: An argument is out of range or unknown.

    Example:
        >>> import keras
        >>> def build_model():
        ...     model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        ...     model.compile("sgd", loss="mse")
        ...     return model
        >>> examples = tf.ones((10, 4)), tf.ones((10, 1))
        >>> data = tf.data.Dataset.from_tensor_slices(examples).batch(4)
        >>> trainer = Trainer(max_epochs=3, seed=0, devices=1)
        >>> result = trainer.fit(build_model, data)
        >>> len(result.history["loss"])
        3
    """

    @takes_settings(TRAINER)
    def __init__(
        self,
        *,
        strategy: str | tf.distribute.Strategy = "auto",
        run_dir: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Any] | Mapping[str, Any] | None = None,
        export: Export = True,
        **options: Unpack[TrainerOptions],
    ) -> None:
        if options.get("fast_dev_run"):
            options["max_epochs"] = 1
            options["limit_train_batches"] = options["limit_val_batches"] = 1
        name = strategy if isinstance(strategy, str) else "auto"
        config = settings_of("trainer", strategy=name, **options)
        require_strategy_name(name)
        super().__init__(config.trainer, strategy, run_dir)
        self.feature_cache = config.feature_cache
        self.seed = config.seed
        self.callbacks = callbacks
        self._export = export
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
        """Trains a model, or resumes the run in `run_dir`.

        SIGINT, SIGTERM, SIGUSR1 and SIGUSR2 end the fit after the current step: the state
        is saved, and the result has `stop_reason="interrupted"`. In a worker of a cluster,
        and within `keraunos.exit_codes()`, the program then ends with 128 + signal.

        Args:
            module: A `Module`, or a function that returns a compiled `keras.Model`;
                called once, in the scope of the strategy.
            data: `ImageData`; a batched `tf.data.Dataset` with elements in the form that
                `Model.fit` accepts; or a function `dataset(epoch, start_batch)` that
                returns one. A dataset resumes exactly if its shuffles have seeds and
                it is created again, as in a new process; a function always does.
            validation_data: In the same forms; not with `ImageData`, which has its own
                validation split.
            class_weight: Weights of training examples by class, as in `Model.fit`: `{0:
                1.0, 1: 2.5}`. The default weight of a class is 1.
            initial_weights: Weights to start a new run with: another run, one of its
                checkpoints, or a `.keras` or `.weights.h5` file. Epochs, optimizer and
                callbacks start fresh; a resumed run uses its own checkpoint instead.

        Returns:
            The model, its history, and the reason why training ended.

        Raises:
            ConfigError: An argument or setting is invalid.
            DataError: The data is damaged or empty, or the initial weights were trained on
                held-out images.
            DivergedError: A loss or gradient is not finite.
            CheckpointError: A checkpoint can't be written, or none can be read.
            SystemExit: A signal interrupted the fit of a worker, as described above.
        """
        asked = FitArguments(module, data, validation_data, class_weight, initial_weights)
        if self.settings.fast_dev_run:
            with scratch_directory() as directory:
                return self._make_fit(asked, directory).run()
        result = self._make_fit(asked, self.run_dir).run()
        end_if_interrupted(result.exit_code)
        return result

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
        """Writes `model.keras` for a finished run from its best checkpoint.

        `fit` does this at the end unless `export` is False. Takes the arguments of `fit`;
        in a single process only.

        Returns:
            The path of the file.

        Raises:
            ConfigError: `run_dir` has no checkpoints, or settings differ from those of the
                run.
            CheckpointError: The checkpoint can't be read or belongs to a different model.
        """
        asked = FitArguments(module, data, validation_data, class_weight, initial_weights)
        return self._make_fit(asked, self.run_dir).export_best()

    def check(self) -> None:
        """Checks that the devices exist and that `run_dir` can be used.

        `fit` also checks this; calling it before reading data saves time if it fails.

        Raises:
            ConfigError: A device is missing or the directory can't be used.
        """
        self._make_strategy()
        if self.run_dir is not None and current_workers().is_chief:
            check_run_directory(self.run_dir)

    def announce(self, batch_size: int | None = None) -> None:
        """Lets callbacks announce the devices of `fit` before data is read.

        `fit` does not repeat the announced lines.

        Args:
            batch_size: Global batch size, if known.

        Raises:
            ConfigError: The devices do not exist.
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
        """Prepares a fit without training: a dry run that writes nothing.

        Takes the arguments of `fit`.

        Returns:
            The lines that describe what `fit` would do.

        Raises:
            ConfigError: An argument or setting is invalid.
            DataError: The data is damaged or empty, or the initial weights were trained on
                held-out images.
        """
        asked = FitArguments(module, data, validation_data, class_weight, initial_weights)
        return self._make_fit(asked, self.run_dir).describe()

    def _make_fit(self, asked: FitArguments, run_dir: str | os.PathLike[str] | None) -> Fit:
        require_outside_scope()
        strategy = self._make_strategy()
        workers = workers_of(strategy)
        is_chief = workers.is_chief
        directory = None
        if run_dir is not None:
            directory = check_run_directory(run_dir) if is_chief else Path(run_dir)
        callbacks = merge_callbacks(self.callbacks, default_callbacks(directory))
        module = as_module(asked.module)
        refuse_other_task(module, asked.data)
        refuse_other_columns(module, asked.data)
        refuse_second_correction(module, asked.data, asked.class_weight)
        train, validation = sources_of(asked.data, asked.validation_data, self.settings)
        require_shared_order(workers, data=train, validation_data=validation)
        if module.is_fitted:
            train = as_fitted_on(train)
        preparation = Preparation(
            module=module,
            data=asked.data,
            train=weighted_by_class(train, asked.class_weight),
            validation=validation,
            settings=self.settings,
            feature_cache=self.feature_cache,
            seed=self.seed,
            strategy=strategy,
            callbacks=callbacks if is_chief else callbacks.without_writers(),
            run_dir=directory if is_chief else None,
            class_weight=asked.class_weight,
            initial_weights=asked.initial_weights,
        )
        return Fit(preparation, self._export, self._announced)
