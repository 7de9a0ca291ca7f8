"""Prints the test scores of runs and ensembles."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError
from ..core.run_layout import ENSEMBLE_FILE
from .console import notify, show
from .ensembles import Member, find_members, read_data, task_of
from .scores import show_beside, show_scores

if TYPE_CHECKING:
    from ..evaluation.finding import Finding
    from ..trainer import TestResult
    from .ensemble_scores import EnsembleScores


def show_test(split: str, result: "TestResult") -> None:
    """Prints the scores of a run, next to those with test-time augmentation if any.

    Args:
        split: The name of the split.
        result: The result of `Trainer.test`.
    """
    show_scores(split, result.scores)
    if result.tta is not None:
        views = result.scores["tta"]["views"]
        show_beside({"single model": result.scores, f"{views} views": result.tta.scores})
        if "against_single_model" in result.tta.scores:
            show_conclusions({"views": result.tta.scores["against_single_model"]})


def find_validation_gap(result: "TestResult") -> "Finding | None":
    """Compares test with validation images, as the report does.

    Runs the model on the validation images: all workers call it.

    Returns:
        None where there is nothing to compare: other tasks, outputs that are no
        probabilities.
    """
    from ..evaluation.validation_gap import ValidationGap

    if result.predictions is None:
        return None
    try:
        return ValidationGap().evaluate(result.evidence)
    except DataError:
        return None


def show_validation_gap(finding: "Finding | None") -> None:
    """Writes whether the model is worse on test images, and on which classes."""
    if finding is not None:
        for sentence in finding.warnings or finding.conclusions[:1]:
            show(sentence)


def show_ensemble_test(
    members: Sequence[Member], split: str, tta: int | None, directory: Path | None
) -> None:
    """Scores an ensemble and each of its members, and prints the scores.

    Args:
        members: At least two members, of one task.
        split: `"test"` or `"validation"`.
        tta: Number of views per image for test-time augmentation, or None.
        directory: Where to write files, or None to write none.
    """
    tested = _score_members(members, split, tta)
    show_scores(f"{split}, mean of {len(members)} models", tested.scores)
    columns = {**tested.members, "ensemble": tested.scores}
    if "tta" in tested.scores:
        columns[f"ensemble, {tta} views"] = tested.scores["tta"]
    show_beside(columns)
    show_conclusions(tested.scores.get("against_members", {}))
    if directory is not None:
        tested.write(directory)
        notify(f"written: {directory / ENSEMBLE_FILE}")


def _score_members(
    members: Sequence[Member], split: str, tta: int | None
) -> "EnsembleScores":
    if task_of(members) == "classification":
        from .ensemble_test import score_members

        return score_members(members, split, tta)
    from .task_ensemble import score_task_members

    return score_task_members(members, split, tta)


def show_folds_test(run_dir: Path, tta: int | None) -> None:
    """Scores the ensemble of all folds of a run, if there are test images."""
    members = find_members([run_dir])
    if read_data(members[0]).test is None:
        notify("no test images: the ensemble of all folds is not scored")
        return
    show_ensemble_test(members, "test", tta, run_dir)


def show_conclusions(differences: Mapping[str, Any]) -> None:
    """Prints for each paired difference whether it is significant."""
    for values in differences.values():
        what = f"{values['second']} against {values['first']}"
        show(f"{what}: {' '.join(values['conclusions'])}")
