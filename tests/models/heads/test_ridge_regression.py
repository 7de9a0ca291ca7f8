"""Ridge regression in closed form, against fits that leave groups out one by one."""

import numpy as np
import pytest
from keraunos import DataError
from keraunos.models.heads import TrainingFeatures, ridge_regression
from keraunos.models.heads.ridge_regression import Ridge, fit_ridge
from scipy import special


def drawn(rows: int, width: int, noise: float = 1.0, seed: int = 0) -> TrainingFeatures:
    """Rows in groups of one to four, with weights, around a center for each class."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, rows)
    features = random.normal(size=(rows, width)) * noise + 5
    features[np.arange(rows), labels] += 2
    groups = np.repeat(np.arange(rows), random.integers(1, 5, rows))[:rows]
    weights = random.uniform(0.5, 2, rows)
    return TrainingFeatures.of(features, labels, 3, weights, random.permutation(groups))


def solved(data: TrainingFeatures, penalty: float, kept: np.ndarray) -> np.ndarray:
    """Scores of all rows by the normal equations of some of them."""
    design = np.column_stack([np.ones(len(data.labels)), data.features])
    shares = data.weights / data.weights.sum()
    rows, weights = design[kept], shares[kept, None]
    square = penalty * np.eye(design.shape[1])
    square[0, 0] = 0  # the bias is free
    left = rows.T @ (weights * rows) + square
    return design @ np.linalg.solve(left, rows.T @ (weights * data.one_hot[kept]))


def mean_variance(data: TrainingFeatures) -> float:
    centered = data.features - np.average(data.features, axis=0, weights=data.weights)
    return float(np.average(centered**2, axis=0, weights=data.weights).mean())


@pytest.mark.parametrize(("rows", "width"), [(41, 7), (23, 60)])
def test_loss_equals_refitting_without_each_group(rows: int, width: int) -> None:
    data = drawn(rows, width)
    ridge = fit_ridge(data, l2=0.3)
    penalty = 0.3 * mean_variance(data)
    every = solved(data, penalty, np.ones(rows, bool))
    fitted = data.features @ ridge.kernel + ridge.bias
    scale = fitted.std() / every.std()
    np.testing.assert_allclose(fitted, scale * every, rtol=1e-9)
    left_out = np.empty((rows, 3))
    for group in np.unique(data.groups):
        kept = data.groups != group
        left_out[~kept] = solved(data, penalty, kept)[~kept]
    loss = data.log_loss(special.softmax(scale * left_out, axis=1))
    assert ridge.log_loss == pytest.approx(loss, rel=1e-9)


def test_chosen_penalty_is_best_for_left_out_groups() -> None:
    data = drawn(60, 40, noise=2.0)
    chosen = fit_ridge(data)
    tried = [fit_ridge(data, l2) for l2 in ridge_regression.PENALTIES]
    assert 1e-3 < chosen.l2 < 1e3  # neither none nor all
    assert chosen.log_loss <= min(each.log_loss for each in tried) + 1e-3
    same = tried[ridge_regression.PENALTIES.index(chosen.l2)]
    np.testing.assert_array_equal(chosen.kernel, same.kernel)


def test_versions_of_an_image_are_left_out_together() -> None:
    random = np.random.default_rng(0)
    features, labels = random.normal(size=(30, 50)), random.integers(0, 3, 30)
    versions = np.concatenate([features + 1e-3 * random.normal(size=(30, 50))] * 3)
    groups = np.tile(np.arange(30), 3)
    together = fit_ridge(TrainingFeatures.of(versions, np.tile(labels, 3), 3, None, groups))
    apart = fit_ridge(TrainingFeatures.of(versions, np.tile(labels, 3), 3))
    assert apart.log_loss < 0.1  # memorized
    assert together.log_loss > 1.0  # random labels


def test_integer_weights_equal_repeated_rows() -> None:
    data = drawn(20, 5)
    repeats = np.random.default_rng(1).integers(0, 3, 20)
    rows = np.repeat(np.arange(20), repeats)
    repeated = TrainingFeatures.of(
        data.features[rows], data.labels[rows], 3, None, data.groups[rows]
    )
    weighted = TrainingFeatures.of(data.features, data.labels, 3, repeats, data.groups)
    one, other = fit_ridge(weighted, 0.1), fit_ridge(repeated, 0.1)
    np.testing.assert_allclose(one.kernel, other.kernel, rtol=1e-6)
    assert one.log_loss == pytest.approx(other.log_loss, rel=1e-6)


def test_ridge_is_invariant_to_feature_scale_and_offset() -> None:
    data = drawn(30, 5)
    other = TrainingFeatures.of(
        data.features * 1000 + 7, data.labels, 3, data.weights, data.groups
    )
    one, scaled = fit_ridge(data), fit_ridge(other)
    assert one.l2 == scaled.l2
    np.testing.assert_allclose(one.kernel, scaled.kernel * 1000, rtol=1e-5)


def test_separable_classes_do_not_yield_certain_probabilities() -> None:
    features, labels = np.repeat(np.eye(3), 5, axis=0) * 9, np.repeat(np.arange(3), 5)
    ridge: Ridge = fit_ridge(TrainingFeatures.of(features, labels, 3))
    shares = special.softmax(features @ ridge.kernel + ridge.bias, axis=1)
    assert 0.9 < shares.max() < 0.99  # of 15 images, and one of each class in equal parts


def test_unfittable_features_are_rejected() -> None:
    labels = np.array([0, 1, 0])
    with pytest.raises(DataError, match=r"two groups.*images=3"):
        TrainingFeatures.of(np.eye(3), labels, 2, groups=np.array([4, 4, 4]))
    with pytest.raises(DataError, match=r"finite.*not_finite=1"):
        TrainingFeatures.of(np.array([[np.inf], [0], [1]]), labels, 2)
