"""The methods of a Trainer that do not train: validate, test, predict and export."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from ..configs import EvaluationConfig, TrainerConfig
from ..configs.evaluation import as_evaluation
from ..core.files import require_plain
from ..core.user_path import user_path
from ..evaluation.decisions.check_names import require_class_names
from ..evaluation.slices.slicing import require_columns
from ..models import Module
from ..strategies import create_strategy, current_workers
from .checkpoint.run_directory import write_test_report
from .contracts import HasClassNames, HasSplits, KnowsColumns, batch_size_of
from .guards.keras_arguments import explains_keras_arguments
from .guards.other_image_size import refuse_other_image_size
from .guards.pipeline_errors import errors_of_pipelines
from .loop.evaluation import evaluate, predict, score
from .loop.outputs import Collected
from .loop.views import find_views, with_views
from .result import TestResult
from .setup.batch_limits import batch_limit, require_end
from .setup.datasets import as_source
from .setup.model_files import ModelOrPath, as_model
from .setup.sources import split_of
from .subject import TrainedModel

if TYPE_CHECKING:
    from ..export.export_model import ExportResult


class Evaluator:
    """Evaluates, runs and exports models.

    Args:
        settings: Settings of the Trainer.
        strategy: The name of a strategy, or a strategy.
        run_dir: Directory for the files of a test, or None.
    """

    def __init__(
        self,
        settings: TrainerConfig,
        strategy: str | tf.distribute.Strategy,
        run_dir: str | os.PathLike[str] | None,
    ) -> None:
        self.settings = settings
        self.run_dir = run_dir
        self._strategy = strategy

    @explains_keras_arguments
    @errors_of_pipelines()
    def validate(
        self, model: ModelOrPath, data: Any, module: Module | None = None
    ) -> dict[str, float]:
        """Evaluates a compiled model on validation data.

        Args:
            model: A compiled model, such as the result of `fit`, or a path to one.
            data: `ImageData` with a validation split, or a dataset.
            module: Its `training_step` computes the loss, if it defines one.

        Returns:
            Losses and metrics by name.

        Raises:
            ConfigError: The model is not compiled, or there is no such split.
        """
        source = as_source(split_of(data, "validation"), "data")
        setting = self.settings.limit_val_batches
        require_end(source, setting, "limit_val_batches")
        limit = batch_limit(setting, source.num_batches)
        whole = self._open(model, data)
        return evaluate(whole, source, module or Module(), limit)[0]

    @explains_keras_arguments
    @errors_of_pipelines()
    def test(
        self,
        model: ModelOrPath,
        data: Any,
        module: Module | None = None,
        *,
        evaluation: Mapping[str, Any] | EvaluationConfig | None = None,
        tta: int | None = None,
    ) -> TestResult:
        """Scores a model on test data.

        An image classifier gets a complete report: accuracy, balanced accuracy, ROC-AUC,
        scores per class and the confusion matrix. It is also written into the run
        directory, if the Trainer has one.

        Args:
            model: The result of `fit`, a `.keras` file, or a run with a `model.keras`.
            data: `ImageData` with a test split, one split of it, or a dataset.
            module: Its `training_step` computes the loss, if it defines one.
            evaluation: Further parts of the evaluation, as the section `evaluation` of a
                configuration; its defaults if None. They are computed when
                `result.findings` or `result.report` is used.
            tta: Test-time augmentation: the outputs are averaged over this many
                views of each image: the original, and others augmented like training
                images. Reported as `result.tta` in addition to the plain prediction.

        Raises:
            ConfigError: There is no such split or nothing to measure, `evaluation` names an
                unknown class, or `tta` is used without images or with
                `augmentation.strength` 0.
        """
        asked = as_evaluation(evaluation)
        if self.run_dir is not None and current_workers().is_chief:
            require_plain(Path(os.path.realpath(user_path(self.run_dir))))
        source = as_source(split_of(data, "test"), "data")
        require_end(source)
        if isinstance(source, HasClassNames):
            require_class_names(asked, source.class_names)
        if isinstance(source, KnowsColumns):
            slices = asked.slices
            require_columns(slices.columns if slices else None, source.columns)
        views = find_views(source, module, tta)
        whole = self._open(model, data)
        held_out = data.validation if isinstance(data, HasSplits) else None
        chosen_on = None if held_out is None else as_source(held_out, "data")
        result = score(whole, source, module or Module(), chosen_on)
        if views is not None:
            result = with_views(result, whole, source, views, chosen_on)
        if result.predictions is not None or result.task_predictions is not None:
            subject = TrainedModel(whole, source, held_out, batch_size_of(source) or 32)
            directory = None if self.run_dir is None else Path(self.run_dir)
            result = replace(result, subject=subject, evaluation=asked, run_dir=directory)
        if self.run_dir is not None and current_workers().is_chief:
            write_test_report(self.run_dir, result, source)
        return result

    @explains_keras_arguments
    @errors_of_pipelines()
    def predict(self, model: ModelOrPath, data: Any) -> Collected:
        """Runs a model on data.

        Args:
            model: Any model, or a path to one.
            data: A split of `ImageData`, or a dataset; targets are ignored.

        Returns:
            The outputs, one row per example, in the order of the data.
        """
        source = as_source(split_of(data, "test"), "data")
        require_end(source)
        return predict(self._open(model, data), source)

    @explains_keras_arguments
    def export(
        self,
        model: ModelOrPath,
        data: Any,
        format: str = "keras",
        *,
        output: str | os.PathLike[str] | None = None,
        calibrated: bool = False,
        int8: bool = False,
        max_loss: float = 0.02,
    ) -> "ExportResult":
        """Exports a model and checks that the export gives the same outputs.

        The check runs the export as its users will, from the image file to the class name,
        in the format's own runtime and in a separate process. `docs/export.md` describes
        what is written and checked. Runs in a single process only. If `model` is a run, or
        the model of the run in `run_dir`, the export includes its calibration, thresholds
        and prediction sets.

        Args:
            model: The result of `fit`, a `.keras` file, or a run with a `model.keras`.
            data: `ImageData` with a test or validation split, or one split of it.
            format: `"saved_model"`, `"onnx"`, `"litert"`, `"openvino"` or `"keras"`.
            output: Parent of the format's directory; by default `export` in the run.
            calibrated: Whether to include the calibration of the probabilities.
            int8: Whether to quantize to 8-bit integers, with ranges measured on images of
                `data.train`.
            max_loss: Maximum drop of balanced accuracy with `int8`, from 0 to 1.

        Returns:
            The directory, the differences of the outputs, and the cost of quantization.

        Raises:
            ConfigError: The outputs differ, or an argument is invalid. Nothing is written,
                and an earlier export is kept.
            DataError: An image was changed or removed.
        """
        from .checked_export import export_checked

        run = None if self.run_dir is None else Path(self.run_dir)
        whole = self._open(model, data)
        return export_checked(
            model, whole, data, format, output, calibrated, int8, max_loss, run
        )

    def _open(self, model: ModelOrPath, data: Any) -> keras.Model:
        whole = as_model(model, self._make_strategy)
        refuse_other_image_size(whole, data)
        return whole

    def _make_strategy(self) -> tf.distribute.Strategy:
        if not isinstance(self._strategy, str):
            return self._strategy
        settings = self.settings
        return create_strategy(settings.strategy, settings.accelerator, settings.devices)
