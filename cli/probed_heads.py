"""Fits and scores heads on the features of backbones for `keraunos probe`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from ..configs import RunConfig
from ..data.index.stratified import hold_out
from ..evaluation.comparisons.selection import optimism_of_best
from ..evaluation.scores import classification_scores
from ..models.heads import TrainingFeatures
from ..models.heads.logistic_regression import fit_logistic
from ..models.heads.nearest_neighbors import fit_neighbors
from ..models.heads.ridge_regression import fit_ridge
from ..models.standardization import measure
from .probed_backbones import ProbedBackbone
from .probed_images import Fold, ProbedImages

Floats = npt.NDArray[np.floating[Any]]

SCORES = ("balanced_accuracy", "accuracy", "macro_roc_auc")
_HELD_OUT = 0.2  # fraction of training images on which `linear` chooses its penalty


@dataclass(frozen=True)
class Cell:
    """The scores of one head on one backbone.

    Attributes:
        backbone: Name of the backbone.
        head: Name of the head.
        scores: Validation scores by name: of one split, or means over folds.
        interval: 95% interval of the balanced accuracy on one split; None with folds.
        standard_error: Standard error of its mean over folds; None without folds.
        seconds: Time to fit the head on all folds.
        features: Number of features of the backbone.
        parameters: Number of parameters of the backbone.
        probabilities: Probabilities `(images, classes)` for all validation images.
    """

    backbone: str
    head: str
    scores: dict[str, float | None]
    interval: tuple[float, float] | None
    standard_error: float | None
    seconds: float
    features: int
    parameters: int
    probabilities: Floats


def probe_head(
    names: tuple[str, str],
    backbone: ProbedBackbone,
    images: ProbedImages,
    config: RunConfig,
) -> Cell:
    """Fits a head to the training images of each fold, and scores it on the others.

    Args:
        names: Names of the backbone and the head.
        backbone: The features.
        images: The classes of the images, and their division into folds.
        config: The configuration of the backbone.
    """
    started = time.perf_counter()
    predicted = [
        _predict(names[1], fold, backbone.features, images, config) for fold in images.folds
    ]
    seconds = time.perf_counter() - started
    scored = [
        classification_scores(
            images.labels[fold.validation],
            probabilities,
            images.data.class_names,
            None if images.groups is None else images.groups[fold.validation],
        )
        for fold, probabilities in zip(images.folds, predicted, strict=True)
    ]
    main = np.array([each["balanced_accuracy"] for each in scored])
    is_one = len(scored) == 1
    return Cell(
        *names,
        {name: _mean([each[name] for each in scored]) for name in SCORES},
        tuple(scored[0]["intervals"]["balanced_accuracy"]) if is_one else None,
        None if is_one else float(main.std(ddof=1) / np.sqrt(len(main))),
        seconds,
        backbone.features.shape[1],
        backbone.parameters,
        np.concatenate(predicted),
    )


def optimism(cells: Sequence[Cell], images: ProbedImages) -> float:
    """Estimates how much too high the best balanced accuracy of several cells is."""
    rows = np.concatenate([fold.validation for fold in images.folds])
    groups = None if images.groups is None else images.groups[rows]
    probabilities = [cell.probabilities for cell in cells]
    return optimism_of_best(images.labels[rows], probabilities, groups=groups)


def _predict(
    head: str, fold: Fold, features: Floats, images: ProbedImages, config: RunConfig
) -> Floats:
    """Returns probabilities `(images, classes)` for the validation images of a fold."""
    known, others = features[fold.train], features[fold.validation]
    if config.model.standardize_features:
        mean, variance = measure(known)
        known, others = ((each - mean) / np.sqrt(variance) for each in (known, others))
    data = TrainingFeatures.of(
        known,
        images.labels[fold.train],
        images.data.num_classes,
        images.weights(fold.train),
        images.undivided[fold.train],
    )
    if head == "ridge":
        ridge = fit_ridge(data)
        return np.asarray(special.softmax(others @ ridge.kernel + ridge.bias, axis=1))
    if head == "knn":
        neighbors = min(config.model.neighbors, len(known) - 1)
        return fit_neighbors(data, neighbors).probabilities(others)
    groups = data.groups.astype(np.intp)
    held_out = hold_out(images.labels[fold.train], groups, _HELD_OUT, config.seed)
    return fit_logistic(data, held_out).probabilities(others)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
