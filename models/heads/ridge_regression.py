"""Fits ridge regression to one-hot targets in closed form, and chooses penalty and scale.

Hoerl and Kennard, Ridge Regression, 1970. Groups of rows are left out without refitting, by
the identity of Allen's PRESS (1974) for blocks of rows: the error of rows B in a fit
without them is `(I - H[B, B])^-1` times their error in the fit of all rows, where H is the
matrix that maps targets to fitted values.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from .training_features import TrainingFeatures

Floats = npt.NDArray[np.float64]

PENALTIES = tuple(float(f"{10.0**power:.3g}") for power in np.arange(-6, 3.5, 0.5))
_LOG_SCALES = (-3.0, 9.0)  # range of the natural logarithm of the scale of scores
_BYTES_AT_ONCE = 2**28


class Ridge(NamedTuple):
    """A fitted linear classifier: `softmax(features @ kernel + bias)`.

    Attributes:
        kernel: Weights, `(features, classes)` float64.
        bias: Bias, `(classes,)` float64.
        l2: The chosen penalty, as a multiple of the mean variance of features.
        log_loss: Log loss of the rows, each predicted by a fit without its group.
    """

    kernel: Floats
    bias: Floats
    l2: float
    log_loss: float


class _Spectrum(NamedTuple):
    """Centered and weighted rows in the basis of their eigenvectors.

    Attributes:
        rows: The rows in this basis, `(rows, rank)`.
        values: Eigenvalues, `(rank,)`.
        basis: Eigenvectors, `(features, rank)`.
        mean: Mean of each feature, `(features,)`.
        variance: Mean variance of features.
    """

    rows: Floats
    values: Floats
    basis: Floats
    mean: Floats
    variance: float


def fit_ridge(data: TrainingFeatures, l2: float | None = None) -> Ridge:
    """Fits scores by least squares, and a scale that converts them to probabilities.

    Minimizes the weighted mean of the squared errors of one-hot targets, plus `l2` times
    the mean variance of features times the squared norm of the kernel; the bias is not
    penalized. One eigendecomposition serves all penalties. Probabilities are the softmax of
    the scaled scores. The scale, and the penalty unless given, minimize the log loss of
    left-out groups (see `TrainingFeatures.cautious_log_loss`) of training images only.

    Args:
        data: The training features.
        l2: The penalty; None chooses it from `PENALTIES`.

    Example:
        >>> features, labels = np.array([[0.0], [1], [9], [11]]), np.array([0, 0, 1, 1])
        >>> ridge = fit_ridge(TrainingFeatures.of(features, labels, num_classes=2))
        >>> (features @ ridge.kernel + ridge.bias).argmax(axis=1).tolist()
        [0, 0, 1, 1]
    """
    data = data.counting()
    spectrum = _decompose(data)
    shares = data.weights / data.weights.sum()
    mean_target = shares @ data.one_hot
    targets = np.sqrt(shares)[:, None] * (data.one_hot - mean_target)
    projected = spectrum.rows.T @ targets
    candidates = PENALTIES if l2 is None else (l2,)
    penalties = [each * max(spectrum.variance, np.finfo(float).tiny) for each in candidates]
    left_out = _scores_left_out(data, spectrum, targets, projected, penalties)
    tried = []
    for place, scores in enumerate(left_out):
        cautious, scale = _best_scale(data, scores + mean_target)
        loss = data.log_loss(special.softmax(scale * (scores + mean_target), axis=1))
        tried.append((cautious, place, scale, loss))
    _, place, scale, loss = min(tried)
    shrunk = projected / (spectrum.values + penalties[place])[:, None]
    kernel = spectrum.basis @ shrunk
    bias = mean_target - spectrum.mean @ kernel
    return Ridge(kernel * scale, bias * scale, candidates[place], loss)


def _decompose(data: TrainingFeatures) -> _Spectrum:
    """Computes eigenvectors of the covariance, from the smaller of the Gram matrices."""
    shares = data.weights / data.weights.sum()
    features = np.asarray(data.features, np.float64)
    mean = shares @ features
    rows = np.sqrt(shares)[:, None] * (features - mean)
    count, width = rows.shape
    if count <= width:
        values, vectors = np.linalg.eigh(rows @ rows.T)
    else:
        values, vectors = np.linalg.eigh(rows.T @ rows)
    kept = values > values[-1] * np.finfo(np.float64).eps * max(rows.shape)
    values, vectors = values[kept], vectors[:, kept]
    roots = np.sqrt(values)
    variance = float((rows**2).sum() / width)
    if count <= width:
        return _Spectrum(vectors * roots, values, rows.T @ vectors / roots, mean, variance)
    return _Spectrum(rows @ vectors, values, vectors, mean, variance)


def _scores_left_out(
    data: TrainingFeatures,
    spectrum: _Spectrum,
    targets: Floats,
    projected: Floats,
    penalties: Sequence[float],
) -> Floats:
    """Computes scores by fits without a row's group, `(penalties, rows, classes)`."""
    roots = np.sqrt(data.weights / data.weights.sum())
    shrinkages = 1 / (spectrum.values + np.array(penalties)[:, None])
    left_out = np.empty((len(penalties), *targets.shape))
    for block in _blocks(data.groups, len(spectrum.values)):  # (groups, rows of a group)
        rows, root = spectrum.rows[block], roots[block]
        of_bias = root[:, :, None] * root[:, None, :]
        identity = np.eye(block.shape[1])
        for place, shrinkage in enumerate(shrinkages):
            errors = targets[block] - rows @ (shrinkage[:, None] * projected)
            hat = _products(rows, shrinkage) + of_bias
            left_out[place, block] = np.linalg.solve(identity - hat, errors)
    return (targets - left_out) / roots[:, None]


def _products(rows: Floats, factors: Floats) -> Floats:
    """Computes weighted products of the rows of each group, `(groups, size, size)`."""
    if rows.shape[1] == 1:
        return np.asarray((rows[:, 0] ** 2 @ factors)[:, None, None])
    return np.asarray((rows * factors) @ rows.swapaxes(1, 2))


def _blocks(groups: npt.NDArray[np.integer], rank: int) -> Iterator[npt.NDArray[np.intp]]:
    """Yields the row indices of groups of equal size, `(groups, size)`, in blocks."""
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    for size in np.unique(sizes[sizes > 0]):
        rows = order[starts[sizes == size][:, None] + np.arange(size)]
        at_once = max(1, _BYTES_AT_ONCE // (8 * int(size) * max(rank, int(size), 1)))
        yield from (rows[n : n + at_once] for n in range(0, len(rows), at_once))


def _best_scale(data: TrainingFeatures, scores: Floats) -> tuple[float, float]:
    """Returns the smallest log loss of scaled scores, and the scale."""

    def loss(log_scale: float) -> float:
        return data.cautious_log_loss(special.softmax(np.exp(log_scale) * scores, axis=1))

    found = optimize.minimize_scalar(
        loss, bounds=_LOG_SCALES, method="bounded", options={"xatol": 1e-3}
    )
    return float(found.fun), float(np.exp(found.x))
