"""Checks before a search over folds that the images suffice for it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..core.errors import DataError, message
from ..core.files import sha256_of_json
from ..core.names import some
from ..core.suggestion import Suggestion
from .image_data import ImageData
from .image_split import ImageSplit

# Prefixes of metrics that need images of each class.
_OF_ALL_CLASSES = ("balanced_accuracy", "macro_", "mean_average_precision", "recall_")


def fingerprint_folds(folds: Sequence[ImageData]) -> str:
    """Returns the SHA-256 of the assignment of images to folds."""
    return sha256_of_json([fold.settings()["split"] for fold in folds])


def require_folds(folds: Sequence[ImageData], objective: str) -> None:
    """Checks that each fold can be trained and scored.

    Args:
        folds: The same images, each time with another fold for validation.
        objective: The metric of the search, such as `val_macro_roc_auc`.

    Raises:
        DataError: There are fewer groups of images than folds, a group is larger than a
            fold, or a required class is missing.
    """
    _require_groups(folds)
    _require_to_train_on(folds)
    metric = objective.removeprefix("val_")
    if metric.startswith(_OF_ALL_CLASSES):
        _require_to_measure(folds, objective)
    if metric == "r2":
        _require_different_numbers(folds, objective)


def _require_groups(folds: Sequence[ImageData]) -> None:
    """Checks the number and size of groups, whose images stay in one fold."""
    train, validation = folds[0].train, _validation(folds[0])
    names = [*train.names, *validation.names]
    group_of = [*train.undivided.tolist(), *validation.undivided.tolist()]
    groups = Counter(group_of)
    images = sum(groups.values())
    if len(groups) < len(folds):
        raise DataError(
            message(
                f"There must be at least as many images as folds, {len(folds)}; copies and "
                f"members of a group count as one, so there are {len(groups)}.",
                folds[0].describe_dropped(),
                **{"search.folds": len(folds)},
            ),
            Suggestion("Try", {"search.folds": max(len(groups), 2)}, ", or add images."),
        )
    ((largest, size),) = groups.most_common(1)
    if size > -(-images // len(folds)):
        first = some([names[group_of.index(largest)]])
        raise DataError(
            message(
                f"No group may be larger than a fold ({images} images / {len(folds)} "
                f"folds), but that of {first} has {size} images. Copies are a group, and "
                "so are images with the same name in data.group_column.",
                **{"search.folds": len(folds)},
            ),
            _fewer(images // size),
        )


def _require_to_train_on(folds: Sequence[ImageData]) -> None:
    missing = _missing(folds, [fold.train for fold in folds])
    if missing:
        raise DataError(
            message(
                "The training images of each fold must contain each class, but all images "
                f"of a class are in one group, and it is missing in {missing}",
                "Add images, or remove these classes.",
                **{"search.folds": len(folds)},
            )
        )


def _require_to_measure(folds: Sequence[ImageData], objective: str) -> None:
    missing = _missing(folds, [_validation(fold) for fold in folds])
    if missing:
        raise DataError(
            message(
                f"`{objective}` needs images of each class in each fold; some are missing "
                f"in {missing} Copies and members of a group stay together.",
                "Use fewer search.folds, add images, remove the folders or rows of these "
                "classes, or use an objective that can do without them, such as val_loss "
                "or val_accuracy.",
                **{"search.folds": len(folds)},
            )
        )


def _require_different_numbers(folds: Sequence[ImageData], objective: str) -> None:
    """Checks that the targets of each fold vary, without which R² is undefined."""
    for number, fold in enumerate(folds, 1):
        values = _validation(fold).target_values
        if values is not None and (np.nanmin(values, 0) == np.nanmax(values, 0)).any():
            raise DataError(
                message(
                    f"`{objective}` needs targets that differ, but in fold {number} they "
                    "are all equal.",
                    "Use fewer search.folds, or the objective val_loss.",
                    **{"search.folds": len(folds)},
                )
            )


def _missing(folds: Sequence[ImageData], splits: Sequence[ImageSplit]) -> str:
    """Lists classes or labels without images by fold, as the end of a sentence.

    Empty for regression.
    """
    lines = []
    missing: dict[str, None] = {}
    for number, split in enumerate(splits, 1):
        counts = _counts(split)
        names = [n for n, c in zip(split.class_names, counts, strict=True) if not c]
        if names:
            lines.append(f"fold {number} ({some(names)})")
            missing |= dict.fromkeys(names)
    why = folds[0].describe_dropped(missing)
    return f"{', '.join(lines)}. {why}".rstrip(" ") if lines else ""


def _counts(split: ImageSplit) -> list[int]:
    if split.labels is not None:
        return np.bincount(split.labels, minlength=len(split.class_names)).tolist()
    values = split.target_values
    if values is None or split.task == "regression":
        return [1] * len(split.class_names)
    return (values > 0).sum(axis=0).tolist()


def _validation(fold: ImageData) -> ImageSplit:
    if fold.validation is None:
        raise DataError("Each fold must have validation images. Try fewer search.folds.")
    return fold.validation


def _fewer(folds: int) -> Suggestion:
    if folds < 2:
        return Suggestion("Divide that group.")
    return Suggestion("Try", {"search.folds": folds}, ".")
