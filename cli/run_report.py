"""Tests a run again and reports on it; loads TensorFlow."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.errors import CheckpointError, DataError, message
from ..core.run_layout import PREDICTIONS_FILE
from ..core.user_code import import_modules
from ..evaluation.finding import Finding
from ..report.evaluation_file import Measured
from ..report.facts import RunFacts, read_facts
from ..report.make_report import report_from_files, report_without_test
from ..report.measure import measure, needs_predictions_alone, unmeasured
from ..report.registry import create_parts
from ..report.run_files import write_findings
from ..report.run_report import RunReport
from ..report.task_report import task_report_from_files
from ..report.write_report import show_figures, write_run
from ..trainer import TestResult, Trainer
from .console import notify
from .ensembles import Member, read_data
from .saved_model import forget_models, load_model
from .untrusted import trusted_evaluation


def report_run(member: Member, typed: Mapping[str, Any]) -> RunReport:
    """Tests a run again, and writes the report into it, except for the page.

    If the images or the model can no longer be read, reports on the predictions that the
    run has written.

    Args:
        member: The run.
        typed: The settings of `evaluation` that the user typed.

    Raises:
        ConfigError: The run has no model yet, or a setting is invalid.
    """
    evaluation, refused = trusted_evaluation(member.config.evaluation, typed)
    import_modules(str(options["class"]) for options in evaluation.own.values())
    parts = create_parts(evaluation)  # reports invalid settings before the test
    facts = read_facts(member.run)
    measured, task = None, member.config.task
    try:
        report, measured = _measure_run(member, facts, evaluation)
    except (CheckpointError, DataError) as error:
        notify(f"{member.name}: {error}")
        if task == "classification":
            report = report_from_files(facts, member.run, parts, str(error))
        else:
            report = task_report_from_files(facts, member.run, task, str(error))
    findings = {**report.findings, **_refused_findings(refused)}
    report = replace(report, findings=findings, license=evaluation.license, task=task)
    write_run(member.run, report, measured)
    forget_models()
    return report


def evaluate_run(run: Path, result: TestResult, refused: Mapping[str, str]) -> None:
    """Measures everything that needs only predictions, and writes it into a run.

    Keeps what a report measured in addition for the same model and predictions.

    Args:
        run: The run directory.
        result: The result of its test.
        refused: Parts that only the run's own files name, with their classes.
    """
    parts = needs_predictions_alone(create_parts(result.evaluation))
    evidence = None
    try:
        evidence = result.evidence
        findings = measure(parts, evidence, None)
    except DataError as error:  # outputs that are not probabilities can be scored
        findings = unmeasured(parts, str(error))
    findings |= _refused_findings(refused)
    kept = write_findings(run, findings, evidence, keeps_others=True)
    show_figures(run, RunReport(read_facts(run), findings=findings), kept)


def _measure_run(
    member: Member, facts: RunFacts, evaluation: Any
) -> tuple[RunReport, Measured | None]:
    data = read_data(member)
    if data.test is None and (member.run / PREDICTIONS_FILE).exists():
        raise DataError(
            message(
                "The test images of the run must still exist.",
                "Restore them, or keep the report, which uses the written predictions.",
                run=str(member.run),
            )
        )
    if data.test is None:
        is_classifier = member.config.task == "classification"
        names = list(create_parts(evaluation)) if is_classifier else []
        why = "there are no test images; set data.test or data.test_split"
        return report_without_test(facts, names, why), None
    model = load_model(member.run, member.config)
    result = Trainer().test(model, data, evaluation=evaluation)
    result = replace(result, run_dir=member.run)
    return result.make_report(), result.measured


def _refused_findings(refused: Mapping[str, str]) -> dict[str, Finding]:
    return {
        label: Finding(
            label,
            gaps=[
                f"not measured: it would import {name}, which only the run's own files "
                f"name. Type evaluation.{label}={{class: ...}} with all its options."
            ],
        )
        for label, name in refused.items()
    }
