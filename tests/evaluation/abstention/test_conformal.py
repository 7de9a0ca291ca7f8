import math

import numpy as np
import pytest
from keraunos.data.synthetic.lesions import KINDS, draw_lesion
from keraunos.evaluation.abstention.conformal import (
    fewest_images,
    fit_thresholds,
    least_covered,
    prediction_sets,
)
from simulated import drawn_from, simulated

SEEDS = 400


def mean_coverage(split, size, coverage, by_class, seeds=SEEDS):
    """Coverage over many random validation and test samples, in total and by class."""
    random = np.random.default_rng(7)
    covered = np.zeros((seeds, split.probabilities.shape[1]))
    images = np.zeros_like(covered)
    for seed in range(seeds):
        drawn = random.permutation(len(split.labels))
        chosen, held_out = drawn[:size], drawn[size : 2 * size]
        thresholds = fit_thresholds(
            split.labels[chosen], split.probabilities[chosen], coverage, by_class
        )
        labels = split.labels[held_out]
        sets = prediction_sets(split.probabilities[held_out], thresholds)
        images[seed] = np.bincount(labels, minlength=covered.shape[1])
        covered[seed] = np.bincount(
            labels, sets[np.arange(size), labels], minlength=covered.shape[1]
        )
    return covered.sum() / images.sum(), covered.sum(axis=0) / images.sum(axis=0)


@pytest.fixture(scope="module")
def held_out():
    """Exchangeable images of an overconfident model that is bad at the last class."""
    split = simulated(20_000, classes=3, sharpness=4)
    split.probabilities[:, 2] *= 0.05
    split.probabilities[:] /= split.probabilities.sum(axis=1, keepdims=True)
    return split


@pytest.mark.parametrize(("size", "coverage"), [(37, 0.9), (37, 0.5), (101, 0.8)])
def test_prediction_sets_reach_the_target_coverage(held_out, size, coverage):
    found, _ = mean_coverage(held_out, size, coverage, by_class=False)
    exact = math.ceil((size + 1) * coverage) / (size + 1)
    assert found == pytest.approx(exact, abs=0.012)
    assert exact >= coverage


def test_thresholds_by_class_reach_the_target_coverage_in_each_class(held_out):
    together, single = mean_coverage(held_out, 120, 0.9, by_class=False)
    assert together > 0.89
    assert single.min() < 0.83
    _, by_class = mean_coverage(held_out, 120, 0.9, by_class=True)
    assert by_class.min() > 0.89
    assert by_class.max() < 0.95


def test_threshold_of_each_class_depends_only_on_its_own_images():
    split = simulated(90, classes=3)
    found = fit_thresholds(split.labels, split.probabilities, 0.8, by_class=True)
    for k, threshold in enumerate(found):
        of_class = split.labels == k
        alone = fit_thresholds(
            split.labels[of_class], split.probabilities[of_class], coverage=0.8
        )
        assert threshold == alone[0]


@pytest.mark.parametrize(("coverage", "fewest"), [(0.9, 9), (0.5, 1), (0.95, 19), (0.7, 3)])
def test_sets_contain_every_class_if_validation_images_are_too_few(coverage, fewest):
    assert fewest_images(coverage) == fewest
    split = simulated(fewest, seed=1)
    enough = fit_thresholds(split.labels, split.probabilities, coverage)
    assert np.isfinite(enough).all()
    few = fit_thresholds(split.labels[1:], split.probabilities[1:], coverage)
    assert prediction_sets(split.probabilities, few).all()


@pytest.mark.parametrize("coverage", [n / 100 for n in range(1, 100)])
def test_thresholds_are_robust_to_floating_point_rounding(coverage):
    """(n + 1) * coverage is an integer here, except for floating-point errors."""
    split = simulated(99, seed=2)
    threshold = fit_thresholds(split.labels, split.probabilities, coverage)[0]
    true = split.probabilities[np.arange(99), split.labels]
    assert (true >= threshold).sum() == round(100 * coverage)


def test_prediction_set_may_be_empty():
    rows = np.array([[0.5, 0.5], [0.9, 0.1]])
    assert prediction_sets(rows, np.array([0.6, 0.6])).sum(axis=1).tolist() == [0, 1]


def test_coverage_falls_below_its_lower_bound_at_the_stated_rate():
    random = np.random.default_rng(3)
    place = math.ceil(41 * 0.9)
    true_coverage = random.beta(place, 41 - place, 20_000)
    covered = random.binomial(60, true_coverage)
    least = least_covered(60, 40, 0.9, risk=0.025)
    assert (covered < least).mean() <= 0.03
    assert (covered < least + 1).mean() > 0.02
    assert least_covered(60, 3, 0.9) == 60
    assert least_covered(0, 40, 0.9) == 0


@pytest.mark.nightly
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_prediction_sets_equal_mapie(coverage):
    mapie = pytest.importorskip("mapie.classification")
    base = pytest.importorskip("sklearn.base")

    class Given(base.ClassifierMixin, base.BaseEstimator):
        """Predicts the probabilities that it is given."""

        classes_ = np.arange(4)

        def fit(self, x, y):
            return self

        def __sklearn_is_fitted__(self):
            return True

        def predict_proba(self, x):
            return np.asarray(x, np.float64)

        def predict(self, x):
            return self.predict_proba(x).argmax(axis=1)

    validation, test = simulated(83, seed=4), simulated(211, seed=5)
    model = mapie.SplitConformalClassifier(
        Given(), confidence_level=coverage, conformity_score="lac", prefit=True
    )
    model.conformalize(validation.probabilities, validation.labels)
    _, wanted = model.predict_set(test.probabilities)
    thresholds = fit_thresholds(validation.labels, validation.probabilities, coverage)
    found = prediction_sets(test.probabilities, thresholds)
    assert found.tolist() == wanted[:, :, 0].tolist()
    assert 1 < found.sum(axis=1).mean() < 4


@pytest.mark.nightly
def test_target_coverage_holds_on_unseen_synthetic_lesions():
    import keras
    from simulated import labeled

    def draw(seed, count):
        images = [draw_lesion(k, seed=seed, number=n) for k in KINDS for n in range(count)]
        labels = np.repeat(np.arange(len(KINDS)), count)
        return np.stack(images)[:, ::3, ::3].astype("float32"), labels

    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(8, 3, 2, activation="relu"),
    ]
    layers += [keras.layers.Conv2D(16, 3, 2, activation="relu"), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(len(KINDS), "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*draw(seed=1, count=30), epochs=8, verbose=0)
    images, labels = draw(seed=2, count=60)
    split = labeled(model.predict(images, verbose=0), labels)
    accuracy = (split.predicted == labels).mean()
    assert 0.2 < accuracy < 0.95
    found, _ = mean_coverage(split, 200, 0.9, by_class=False, seeds=200)
    assert found == pytest.approx(math.ceil(201 * 0.9) / 201, abs=0.01)
    _, by_class = mean_coverage(split, 260, 0.8, by_class=True, seeds=200)
    assert by_class.min() > 0.79


def test_sampled_labels_follow_their_probabilities():
    rows = np.tile([0.7, 0.1, 0.2], (4000, 1))
    shares = np.bincount(drawn_from(rows)) / 4000
    assert shares == pytest.approx([0.7, 0.1, 0.2], abs=0.03)
