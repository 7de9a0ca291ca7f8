"""Writes the page of a report, and its files into the directory of a run."""

from collections.abc import Collection, Sequence
from pathlib import Path

from ..core.files import write_text_atomic
from ..core.run_layout import MODEL_CARD_FILE, TENSORBOARD_FOLDER
from ..evaluation.evidence import Evidence
from .evaluation_file import Measured, write_evaluation
from .page.model_card import model_card
from .page.page import page
from .run_files import write_findings
from .run_report import RunReport


def write_page(path: Path, reports: Sequence[RunReport]) -> Path:
    """Writes the page of one run, or of several that are compared."""
    write_text_atomic(path, page(reports))
    return path


def write_run(directory: Path, report: RunReport, measured: Measured | None) -> None:
    """Writes the model card and the results of an evaluation into a run.

    The files are model_card.md, evaluation.json and, for a classifier,
    validation_predictions.csv and calibration.json. If the run has TensorBoard logs,
    figures are added to them.
    """
    if measured is None or isinstance(measured, Evidence):
        write_findings(directory, report.findings, measured)
    else:
        write_evaluation(directory, report.findings, measured)
    write_text_atomic(directory / MODEL_CARD_FILE, model_card(report))
    show_figures(directory, report)


def show_figures(directory: Path, report: RunReport, kept: Collection[str] = ()) -> None:
    """Writes figures for TensorBoard in place of those of an earlier evaluation.

    Args:
        directory: Directory of the run.
        report: Report with the findings.
        kept: Names of parts whose earlier figures are kept.
    """
    if (directory / TENSORBOARD_FOLDER).is_dir():
        from ..callbacks.evaluation_images import write_evaluation_images

        write_evaluation_images(directory, report.findings, report.facts.step, kept)
