"""Estimates the selection bias of the best of several models."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..statistics.intervals import WeightedScores
from ..statistics.resampling import draws


def optimism_of_best(
    labels: npt.NDArray[np.integer],
    probabilities: Sequence[npt.NDArray[np.floating]],
    score: str = "balanced_accuracy",
    groups: npt.NDArray[np.integer] | None = None,
    seed: int = 0,
) -> float:
    """Returns the bias of a score by which the best model was chosen.

    The bootstrap repeats the choice 1,000 times. In each round, the score of the best model
    on the drawn images exceeds its score on all images by the optimism of the choice; the
    mean is returned (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter
    17). It does not account for earlier choices of settings.

    Args:
        labels: `(images,)` true classes.
        probabilities: For each model, `(images, classes)`.
        score: A score of `WeightedScores`.
        groups: `(images,)` numbers shared by images of one group, such as a patient.
        seed: Seed of the draws.

    Returns:
        The bias in units of the score; 0 for a single model.

    Example:
        >>> labels = np.array([0, 1] * 20)
        >>> random = np.random.default_rng(0)
        >>> guesses = [random.dirichlet([1, 1], 40) for _ in range(10)]
        >>> optimism_of_best(labels, guesses) > optimism_of_best(labels, guesses[:2]) > 0
        True
    """
    scored = [WeightedScores(labels, each) for each in probabilities]
    true = np.array([each(np.ones((1, len(labels))))[score][0] for each in scored])
    found = []
    for weights in draws(labels, groups, seed):
        drawn = np.stack([each(weights)[score] for each in scored])
        best = drawn.argmax(axis=0)
        found.append(drawn.max(axis=0) - true[best])
    # A single model is not chosen, so differences between its draws are chance.
    return max(float(np.mean(np.concatenate(found))), 0.0) if len(scored) > 1 else 0.0
