"""The results of a fit and of a test."""

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from .. import evaluation
from ..callbacks import RunState
from ..configs import EvaluationConfig
from ..core.best_epoch import BestEpoch, read_best_epoch, read_exported_epoch
from ..core.checkpoints import best_checkpoint
from ..core.errors import ConfigError, message
from ..core.user_path import user_path
from ..evaluation import Predictions
from ..models.weight_soup import Soup

if TYPE_CHECKING:
    from ..evaluation import Drawing
    from ..evaluation.evidence import Evidence
    from ..evaluation.finding import Finding
    from ..evaluation.multi_label.predictions import LabelPredictions
    from ..evaluation.regression.predictions import NumberPredictions
    from ..report.evaluation_file import Measured
    from ..report.run_report import RunReport
    from ..report.subject import Subject


@dataclass(frozen=True)
class FitResult:
    """The result of a fit.

    Attributes:
        model: The trained model, a plain `keras.Model`; with a run directory, the best one
            by validation.
        history: Values per epoch by name, as in Keras's History.
        stop_reason: Why training ended.
        best_checkpoint: Directory of the best checkpoint, if there is one.
        run_dir: The run directory, or None.
        signal: Number of the signal that interrupted training, or None.
        is_finished: Whether training finished. Otherwise it was interrupted, and the same
            fit with the same run_dir resumes it.
        soup: The result of the model soup, if one was requested.
    """

    model: keras.Model
    history: dict[str, list[float]]
    stop_reason: str
    best_checkpoint: Path | None = None
    run_dir: Path | None = None
    signal: int | None = None
    is_finished: bool = True
    soup: Soup | None = None

    @classmethod
    def of(cls, run: RunState) -> "FitResult":
        """Creates the result of a finished or interrupted run."""
        return cls(
            run.model,
            run.history,
            run.stop_reason or "",
            best_checkpoint(run.checkpoint_dir),
            run.run_dir,
            run.signal,
            is_finished=not run.is_interrupted,
            soup=run.soup,
        )

    def plot(self) -> "Drawing":
        """Plots every metric over the epochs, training and validation together."""
        exported = None if self.run_dir is None else read_exported_epoch(self.run_dir)
        figure = evaluation.curves_figure(self.history, exported_epoch=exported)
        return evaluation.Drawing(figure)

    @property
    def exit_code(self) -> int:
        """What `keraunos fit` would exit with: 128 + signal after a signal, otherwise 0."""
        return 0 if self.signal is None else 128 + self.signal

    @property
    def best_epoch(self) -> BestEpoch | None:
        """The best epoch and its metric; None if no checkpoint records it."""
        return None if self.run_dir is None else read_best_epoch(self.run_dir)


@dataclass(frozen=True)
class TestResult:
    """The result of a test.

    Attributes:
        scores: Scores by name; for a classifier, the content of test.json.
        predictions: The predictions for each image, if the data consists of images.
        task_predictions: In tasks other than classification, predicted labels or numbers.
        subject: The model and its test images, for further evaluation.
        evaluation: The further evaluation to compute.
        tta: Scores and predictions of test-time augmentation, if `tta` was requested;
            `scores["tta"]` has the same scores.
        run_dir: The run directory of the Trainer, if it has one.
    """

    scores: dict[str, Any]
    predictions: Predictions | None = None
    task_predictions: "LabelPredictions | NumberPredictions | None" = None
    subject: "Subject | None" = field(default=None, repr=False, compare=False)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig, repr=False)
    tta: "TestResult | None" = field(default=None, repr=False)
    run_dir: Path | None = None

    @cached_property
    def evidence(self) -> "Evidence":
        """Predictions for test and validation images; the latter computed on first use."""
        return self._subject().evidence(self._labeled())

    @property
    def measured(self) -> "Measured":
        """The predictions that a report evaluates, for any task."""
        return self.task_predictions or self.evidence

    @cached_property
    def findings(self) -> "dict[str, Finding]":
        """The result of each part of the evaluation, computed on first use.

        Values, tables and figures by the name of the part:
        `result.findings["calibration"].figures["reliability"]`. In tasks other than
        classification, the parts are those of the task: `labels`, `numbers`, mistakes.
        """
        if self.task_predictions is not None:
            return dict(self.make_report().findings)
        from ..report.measure import measure
        from ..report.registry import create_parts

        subject, evidence = self._subject(), self.evidence
        return measure(create_parts(self.evaluation), evidence, subject)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Writes the complete evaluation as one self-contained HTML page.

        With a run directory, the page also shows its settings, data and curves, and
        `model_card.md`, `evaluation.json`, `validation_predictions.csv` and
        `calibration.json` are written into it.

        Args:
            path: The file, `.html`.

        Returns: The path of the page.
        """
        from ..report.write_report import write_page, write_run

        made = self.make_report()
        if self.run_dir is not None:
            write_run(self.run_dir, made, self.measured)
        return write_page(Path(os.path.realpath(user_path(path))), [made])

    def make_report(self) -> "RunReport":
        """Returns the content of the report on this test."""
        from ..report.facts import RunFacts, read_facts
        from ..report.make_report import report_of_test
        from ..report.task_report import report_of_task

        if self.run_dir is not None:
            facts = read_facts(self.run_dir)
        else:
            why = "the model was tested without a run directory"
            gap = f"not shown: settings, training and environment, because {why}"
            facts = RunFacts(self._subject().model.name, gaps=[gap])
        images = self._subject().test
        if self.task_predictions is not None:
            made = report_of_task(facts, self.scores, self.task_predictions, images)
            return replace(made, license=self.evaluation.license)
        made = report_of_test(facts, self.scores, self.evidence, self.findings, images)
        return replace(made, license=self.evaluation.license)

    def show_confusion_matrix(self) -> "Drawing":
        """Shows the confusion matrix in a notebook."""
        names = self._labeled().class_names
        figure = evaluation.confusion_matrix_figure(self.scores["confusion_matrix"], names)
        return evaluation.Drawing(figure)

    def show_mistakes(self, split: Any) -> "Drawing":
        """Shows the most confident mistakes in a notebook.

        Args:
            split: The tested split, such as `data.test`.
        """
        figure = evaluation.draw_mistakes(self._labeled(), split.images)
        return evaluation.Drawing(figure)

    def _labeled(self) -> Predictions:
        if self.predictions is not None:
            return self.predictions
        if self.task_predictions is None:
            raise _missing_images_error()
        raise ConfigError(
            message(
                "Confusion matrices and mistakes exist for one class per image only.",
                "Look at `task_predictions`, or at the figures in `findings`.",
                task=self.task_predictions.task,
            )
        )

    def _subject(self) -> "Subject":
        if self.subject is None:
            raise _missing_images_error()
        return self.subject

    __test__ = False  # keeps pytest from collecting this class


def _missing_images_error() -> ConfigError:
    return ConfigError(
        message(
            "Reports, findings and figures show the images that were tested, but a dataset "
            "has none.",
            "Pass ImageData or one of its splits to Trainer.test.",
            images=None,
        )
    )
