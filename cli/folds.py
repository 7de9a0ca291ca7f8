"""Cross-validation: trains one run per fold in one directory, and summarizes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from ..configs import RunConfig, to_yaml
from ..configs.resuming import AFTER_TRAINING
from ..configs.weights import IMAGENET
from ..core.checked_files import (
    is_damaged,
    note_checksum,
    read_checked_json,
    write_checked_json,
    write_checked_text,
)
from ..core.differences import changes, differences_error
from ..core.errors import DataError
from ..core.files import write_csv, write_json_atomic
from ..core.redaction import redacted
from ..core.run_directory import create_run_directory
from ..core.run_layout import (
    CONFIG_FILE,
    CONFUSION_MATRIX_FILE,
    CONFUSION_MATRIX_IMAGE,
    ENVIRONMENT_FILE,
    FOLD_SCORES_FILE,
    FOLDS_FILE,
    FOLDS_TABLE_FILE,
    LABEL_DOUBTS_FILE,
    TEST_FILE,
    VALIDATION_PREDICTIONS_FILE,
    fold_name,
)
from .console import notify, show, show_table
from .run_directories import read_run_config
from .training import TrainedRun, show_next_commands, test, train


def wants_all_folds(config: RunConfig) -> bool:
    """Returns whether all folds are to be trained, not just one or none."""
    return config.data.folds is not None and config.data.fold is None


def one_fold(config: RunConfig, fold: int) -> RunConfig:
    """Returns the configuration of one fold, counted from 1."""
    data = config.data.model_copy(update={"fold": fold})
    return config.model_copy(update={"data": data})


def train_folds(config: RunConfig, run_dir: Path) -> None:
    """Trains every fold that is not finished yet, and writes a summary.

    Args:
        config: A configuration with `data.folds`.
        run_dir: The parent of the runs of the folds, `fold-1`, `fold-2`, ...

    Raises:
        typer.Exit: A fold was interrupted; its state is saved, and the command that resumes
            it was shown.
    """
    if not (run_dir / CONFIG_FILE).exists():
        refuse_seen_images_of_folds(config)
    _claim(config, run_dir)
    folds = []
    for number in range(1, (config.data.folds or 0) + 1):
        directory = run_dir / fold_name(number)
        if not _is_finished(directory):
            notify(f"fold {number} of {config.data.folds}: {directory}")
            _train_one(one_fold(config, number), directory, run_dir)
        folds.append(_read_scores(directory))
    _report(run_dir, folds)
    show_next_commands(run_dir, config)


def refuse_seen_images_of_folds(config: RunConfig) -> None:
    """Rejects weights of a run that trained on held-out images of any fold.

    Raises:
        DataError: There are such images, and `data.on_leak` is not `keep`.
    """
    from ..trainer.guards.seen_images import refuse_seen_images
    from .build import build_data

    if config.model.builder is None and config.model.weights not in (None, IMAGENET):
        weights = {"model.weights": config.model.weights}
        refuse_seen_images(weights, build_data(one_fold(config, 1)), all_folds=True)


def _claim(config: RunConfig, run_dir: Path) -> None:
    """Writes the settings, or checks that they match those of the finished folds."""
    from ..trainer.checkpoint.run_directory import (
        check_run_directory,
        describe_environment,
    )
    from .config_file import portable

    check_run_directory(run_dir)
    config = portable(config)
    if (run_dir / CONFIG_FILE).exists():
        before = read_run_config(run_dir).model_dump(exclude={AFTER_TRAINING})
        now = config.model_dump(exclude={AFTER_TRAINING})
        found = changes(redacted(before), redacted(now))
        if found:
            raise differences_error(
                "Folds must be continued with the settings they were started with.",
                found,
                "Restore them, or start over with another run_dir.",
            )
    create_run_directory(run_dir, "folds to continue")
    write_json_atomic(run_dir / ENVIRONMENT_FILE, describe_environment())
    write_checked_text(run_dir / CONFIG_FILE, to_yaml(config))


def _train_one(config: RunConfig, directory: Path, run_dir: Path) -> None:
    from .saved_model import forget_models

    run = train(config, directory, resumable=run_dir)
    # With an ensemble, views are averaged once, when all folds are finished.
    test(run, None if config.evaluation.ensemble else config.evaluation.tta)
    _judge_held_out(run, directory)
    forget_models()


def _is_finished(directory: Path) -> bool:
    """Returns whether a fold has all its scores, undamaged."""
    held_out = (FOLD_SCORES_FILE, VALIDATION_PREDICTIONS_FILE)
    damaged = [name for name in (*held_out, TEST_FILE) if is_damaged(directory / name)]
    if damaged:
        notify(f"{directory}: {' and '.join(damaged)} damaged or missing: scored again")
    return not damaged and all((directory / name).exists() for name in held_out)


def _judge_held_out(run: TrainedRun, directory: Path) -> None:
    """Writes the predictions and scores of a fold on its validation images."""
    from ..trainer import Trainer
    from .out_of_fold import write_held_out

    if run.data.validation is None:
        raise DataError("Each fold must have validation images. Try fewer data.folds.")
    # No run directory: test.json must not be replaced.
    result = Trainer().test(run.result.model, run.data.validation)
    if result.predictions is not None:
        write_held_out(directory, result.predictions)
    if result.task_predictions is not None:
        table = directory / VALIDATION_PREDICTIONS_FILE
        result.task_predictions.write_table(table)
        note_checksum(table)
    scores = {**result.scores, "class_names": list(run.data.class_names)}
    # Written last: this file marks the fold as finished.
    write_checked_json(directory / FOLD_SCORES_FILE, scores)


def _read_scores(directory: Path) -> dict[str, dict[str, Any]]:
    """Reads the scores of a fold on its validation images and, if any, test images."""
    found = {"validation": directory / FOLD_SCORES_FILE, "test": directory / TEST_FILE}
    return {
        split: read_checked_json(file) for split, file in found.items() if file.exists()
    }


def _report(run_dir: Path, folds: list[dict[str, dict[str, Any]]]) -> None:
    from ..evaluation import summarize_folds

    splits = [name for name in ("validation", "test") if all(name in f for f in folds)]
    summary = {name: summarize_folds([fold[name] for fold in folds]) for name in splits}
    names = folds[0]["validation"]["class_names"]
    if "test" in summary:  # a sum would count the same test images once per fold
        summary["test"].pop("confusion_matrix", None)
    write_json_atomic(run_dir / FOLDS_FILE, {**summary, "class_names": names})
    write_csv(run_dir / FOLDS_TABLE_FILE, *_as_rows(folds, summary))
    matrix = summary["validation"].get("confusion_matrix")
    if matrix is not None:
        _write_confusion_matrix(run_dir, matrix, names)
    for split, scores in summary.items():
        _show(split, scores)
    if matrix is not None:
        _report_label_doubts(run_dir)


def _write_confusion_matrix(
    run_dir: Path, matrix: list[list[int]], names: Sequence[str]
) -> None:
    import numpy as np

    from ..evaluation import confusion_matrix_figure, save_figure

    write_csv(
        run_dir / CONFUSION_MATRIX_FILE,
        ["true \\ predicted", *names],
        ([name, *row] for name, row in zip(names, matrix, strict=True)),
    )
    figure = confusion_matrix_figure(np.array(matrix), names)
    save_figure(figure, run_dir / CONFUSION_MATRIX_IMAGE)


def _report_label_doubts(run_dir: Path) -> None:
    """Writes the labels that are doubted by the fold that held out the image."""
    from ..evaluation.evidence import as_labeled
    from ..evaluation.label_doubts import caution, find_label_doubts, write_label_doubts
    from .out_of_fold import read_out_of_fold

    try:
        predictions = read_out_of_fold(run_dir)
        labeled = as_labeled(predictions)
    except DataError as error:
        notify(f"label doubts: not measured: {error}")
        return
    doubts = find_label_doubts(labeled.labels, labeled.probabilities)
    write_label_doubts(run_dir / LABEL_DOUBTS_FILE, predictions, doubts)
    count, total = int(doubts.in_doubt.sum()), len(labeled)
    text = f"{count:,} of {total:,} labels are in doubt, see {LABEL_DOUBTS_FILE}."
    show(f"{text} {caution(count, total)}".strip())


def _as_rows(
    folds: list[dict[str, dict[str, Any]]], summary: dict[str, Any]
) -> tuple[list[str], list[list[Any]]]:
    columns = [
        (split, name)
        for split, scores in summary.items()
        for name, value in scores.items()
        if isinstance(value, dict)
    ]
    header = ["fold", *(f"{split}_{name}" for split, name in columns)]
    rows = [
        [number, *(fold[split].get(name) for split, name in columns)]
        for number, fold in enumerate(folds, 1)
    ]
    return header, rows


def _show(split: str, scores: dict[str, Any]) -> None:
    table = Table("score", "mean", "standard deviation", "folds")
    for name, each in scores.items():
        if isinstance(each, dict):
            spread = each["standard_deviation"]
            table.add_row(
                name.replace("_", " "),
                f"{each['mean']:.3f}",
                "-" if spread is None else f"{spread:.3f}",
                " ".join(f"{value:.3f}" for value in each["values"]),
            )
    show(f"{split}, {scores['folds']} folds:")
    show_table(table)
