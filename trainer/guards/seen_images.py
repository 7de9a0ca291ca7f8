"""Rejects weights of a run that was trained on held-out images of this one."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...configs.weights import IMAGENET
from ...core.counted import counted
from ...core.errors import DataError, message
from ...core.run_layout import CHECKPOINTS_FOLDER, CONFIG_FILE, SPLIT_FILE
from ...core.suggestion import Suggestion
from ...core.user_path import user_path
from ...models import Module, TransferModel
from ...models.weights import UnreadableWeightsError, runs_behind
from ..contracts import HoldsImagesOut

Weights = Mapping[str, str | os.PathLike[str] | None]


def weights_of(module: Module, initial_weights: str | os.PathLike[str] | None) -> Weights:
    """Returns the weights that a fit starts with, by the setting that names them."""
    of_model = module.config.weights if isinstance(module, TransferModel) else None
    return {"model.weights": of_model, "initial_weights": initial_weights}


def refuse_seen_images(
    weights: Weights, data: Any, *, is_begun: bool = False, all_folds: bool = False
) -> list[str]:
    """Searches the training images of other runs for held-out images.

    A network trained on an image recognizes it too easily: scores on such images, and
    choices based on them, are too optimistic.

    Args:
        weights: The weights that a run starts with, by the setting that names them.
        data: `ImageData`; other data is not checked.
        is_begun: Whether the run has already started, so it must not be rejected.
        all_folds: Whether each image is held out by one of the folds.

    Returns:
        Lines about such images that were accepted, and about runs that can't be checked.

    Raises:
        DataError: Such images were found and `data.on_leak` is not `keep`, or a run's
            split.csv or config.yaml is damaged.
    """
    if not isinstance(data, HoldsImagesOut):
        return []
    lines: list[str] = []
    for setting, path in weights.items():
        if path is None or path == IMAGENET:
            continue
        for run in _runs(setting, user_path(path)):
            lines += _check_run(run, setting, data, is_begun, all_folds)
    return lines


def _runs(setting: str, path: Path) -> Iterator[Path]:
    try:
        yield from runs_behind(path)
    except UnreadableWeightsError as error:
        expected = f"`{setting}` must name a run that can be read; {error}."
        raise DataError(message(expected, **{setting: str(path)})) from None


def _check_run(
    run: Path, setting: str, data: HoldsImagesOut, is_begun: bool, all_folds: bool
) -> Iterator[str]:
    table = run / SPLIT_FILE
    if not table.is_file():
        if any((run / name).exists() for name in (CONFIG_FILE, CHECKPOINTS_FOLDER)):
            yield (
                f"{setting}: {run} has no {SPLIT_FILE}, so it is not known whether it "
                "trained on images that are held out here"
            )
        return
    found = data.held_out_among(table, setting, all_folds)
    if not any(found.values()):
        return
    what = _describe_counts(found)
    why = "data.on_leak=keep" if data.on_leak == "keep" else ""
    why = why or ("this run was started with these weights" if is_begun else "")
    if not why:
        raise _refusal(what, setting, table, data.on_leak, all_folds)
    yield (
        f"{setting}: {run} trained on {what}: {why}, and scores on them are too optimistic"
    )


def _refusal(
    what: str, setting: str, table: Path, on_leak: str, all_folds: bool
) -> DataError:
    return DataError(
        message(
            f"`{setting}` must name a run that trained on no image held out here, but it "
            f"trained on {what}. Scores on these would be too optimistic.",
            **{setting: str(table.parent), "data.on_leak": on_leak},
        ),
        _remedy(table, all_folds),
        Suggestion("", {"data.on_leak": "keep"}, "continues anyway."),
    )


def _describe_counts(found: Mapping[str, list[str]]) -> str:
    """Formats `3 images held out here (2 validation, 1 test), such as a.jpg`."""
    counts = {split: len(names) for split, names in found.items() if names}
    total = sum(counts.values())
    parts = ", ".join(f"{count:,} {split}" for split, count in counts.items())
    first = next(names[0] for names in found.values() if names)
    return f"{counted(total, 'image')} held out here ({parts}), such as {first}"


def _remedy(table: Path, all_folds: bool) -> Suggestion:
    others = "or use weights that were not trained on these images."
    if all_folds:
        each = "Each image is held out by one of the folds: train only the fold of that run"
        return Suggestion(f"{each}, {others}")
    alike = "Divide the images as it did, with its seed and fold or with"
    return Suggestion(alike, {"data.split": str(table)}, f", {others}")
