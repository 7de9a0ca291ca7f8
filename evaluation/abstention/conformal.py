"""Prediction sets that contain the true class at a given rate.

Method: split conformal prediction with one minus the probability of the true class as score
(Sadinle, Lei and Wasserman, Least Ambiguous Set-Valued Classifiers With Bounded Error
Levels, 2019); class by class after Vovk, Conditional Validity of Inductive Conformal
Predictors, 2012.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

EVERY_CLASS = -math.inf  # a threshold that every probability reaches


def fit_thresholds(
    labels: npt.NDArray[np.integer],
    probabilities: npt.NDArray[np.floating],
    coverage: float,
    by_class: bool = False,
) -> Floats:
    """Returns the probability from which a class belongs to the set of an image.

    For images from the same distribution, the sets contain the true class with at least the
    coverage, whatever the model.

    Args:
        labels: `(images,)` true classes of validation images.
        probabilities: `(images, classes)`.
        coverage: Fraction of sets that must contain the true class, above 0 and below 1.
        by_class: Whether the coverage must hold for the images of each class separately.

    Returns:
        `(classes,)`: thresholds; -inf if there are too few images for the coverage, so that
        every set contains the class.

    Example:
        >>> labels, probabilities = np.zeros(3, int), np.eye(2)[[0, 0, 0]] * 0.6 + 0.2
        >>> fit_thresholds(labels, probabilities, coverage=0.75).tolist()
        [0.8, 0.8]
        >>> fit_thresholds(labels, probabilities, coverage=0.9).tolist()
        [-inf, -inf]
    """
    classes = probabilities.shape[1]
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    if not by_class:
        return np.full(classes, _threshold(true, coverage))
    return np.array([_threshold(true[labels == k], coverage) for k in range(classes)])


def _threshold(true: Floats, coverage: float) -> float:
    """Returns the probability that the true class reaches for enough images."""
    place = _place(len(true), coverage)
    return EVERY_CLASS if place > len(true) else float(np.sort(true)[-place])


def _place(images: int, coverage: float) -> int:
    """Returns how many images, by descending probability, must reach the threshold."""
    return math.ceil((images + 1) * coverage - 1e-9)  # 0.55 * 100 is 55.00000000000001


def fewest_images(coverage: float) -> int:
    """Returns the number of images from which sets need not contain every class.

    Example:
        >>> fewest_images(0.9), fewest_images(0.95)
        (9, 19)
    """
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def prediction_sets(
    probabilities: npt.NDArray[np.floating], thresholds: Floats
) -> npt.NDArray[np.bool_]:
    """Returns whether each class is in the set of an image, `(images, classes)` bool."""
    sets: npt.NDArray[np.bool_] = probabilities >= thresholds
    return sets


def least_covered(
    test_images: int, validation_images: int, coverage: float, risk: float = 0.025
) -> int:
    """Returns the least number of covered test images, up to a small risk.

    The coverage varies with the choice of validation images and of test images; together,
    the number of covered images has a beta-binomial distribution.

    Args:
        test_images: Number of test images.
        validation_images: Number of images on which the threshold was chosen.
        coverage: The wanted coverage.
        risk: Probability of a lower number by chance.
    """
    place = _place(validation_images, coverage)
    if place > validation_images or not test_images:
        return test_images
    spread = stats.betabinom(test_images, place, validation_images + 1 - place)
    return int(spread.ppf(risk))
