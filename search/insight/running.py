"""Writes the scores and failed trials of a running search to TensorBoard."""

from pathlib import Path

import tensorflow as tf

from ...callbacks.board_layout import Charts, charts, write_layout
from ...callbacks.hparams import new_writer
from ...core.files import own_directory
from ...core.names import visible
from ...core.run_layout import SCORES_PART, TENSORBOARD_FOLDER
from ...strategies.tensorflow_internals import summaries_written_to
from ..study import Study, Trial

# Trials write the same score without this prefix, at its epoch, for HPARAMS.
_SCORE = "trial_score/"


def show_scores(directory: Path, study: Study) -> None:
    """Rewrites the score of each ended trial, and the best so far.

    The horizontal axis counts trials. Trials that failed, or were stopped because they
    could no longer win, are listed under TEXT.

    Args:
        directory: Directory of the search.
        study: The study.
    """
    ended = [trial for _, trial in sorted(study.trials.items()) if _has_ended(trial)]
    folder = own_directory(own_directory(directory / TENSORBOARD_FOLDER) / SCORES_PART)
    with summaries_written_to(new_writer(folder)):
        write_layout(_charts(study.objective.name))
        _write_scores(ended, study)
        if remarks := _remarks(ended):
            tf.summary.text("events", remarks, step=ended[-1].number)


def _charts(objective: str) -> Charts:
    """Returns the charts of the page Custom Scalars.

    Those of all runs are among them, because ended trials have no layout any more. Running
    ones add charts that only they have.
    """
    scores: dict[str, tuple[str, ...]] = {
        f"{objective} of each trial (axis: number of the trial)": (
            f"^{_SCORE}{objective}$",
        ),
        "best so far (axis: number of the trial)": ("^best_so_far$",),
    }
    return {"How is the search going?": scores, **charts()}


def _has_ended(trial: Trial) -> bool:
    return trial.status != "running"


def _write_scores(ended: list[Trial], study: Study) -> None:
    best: float | None = None
    for trial in ended:
        if trial.score is None or not trial.is_whole:
            continue
        if study.objective.is_better(trial.score, best):
            best = trial.score
        tf.summary.scalar(_SCORE + study.objective.name, trial.score, step=trial.number)
        if best is not None:
            tf.summary.scalar("best_so_far", best, step=trial.number)


def _remarks(ended: list[Trial]) -> str:
    """Formats a table of the trials without a score over all folds; empty if none."""
    rows = [
        f"| {trial.name} | {visible(str(trial.reason)).replace('|', chr(92) + '|')} |"
        for trial in reversed(ended)
        if trial.score is None or not trial.is_whole
    ]
    return "\n".join(["| trial | what happened |", "| --- | --- |", *rows]) if rows else ""
