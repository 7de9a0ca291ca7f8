import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas
from keraunos.models import BalancedAccuracy
from keraunos.strategies import Part, own_part
from sklearn.metrics import balanced_accuracy_score

pytestmark = pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")

CLASSES = 5
SIZES = (7, 1, 6, 2, 5)  # on 4 replicas, some get nothing


def answers(seed=0):
    """Labels of four of the five classes, probabilities and weights."""
    random = np.random.default_rng(seed)
    count = sum(SIZES)
    labels = random.choice(CLASSES - 1, count, p=[0.55, 0.25, 0.15, 0.05]).astype("int32")
    probabilities = random.dirichlet(np.ones(CLASSES), count).astype("float32")
    return labels, probabilities, random.uniform(0.1, 3.0, count)


def in_batches(*arrays):
    ends = np.cumsum(SIZES)[:-1]
    return list(zip(*(np.split(array, ends) for array in arrays), strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_it_is_scikit_learn_s_over_uneven_batches(seed):
    labels, probabilities, _ = answers(seed)
    metric = BalancedAccuracy(CLASSES)
    for batch in in_batches(labels, probabilities):
        metric.update_state(*batch)
    expected = balanced_accuracy_score(labels, probabilities.argmax(axis=1))
    assert float(metric.result()) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_exact_over_replicas_of_which_some_see_nothing(count, weighted):
    labels, probabilities, weights = answers()
    strategy = replicas(count)
    with strategy.scope():
        metric = BalancedAccuracy(CLASSES)
    columns = (labels, probabilities, weights)[: 3 if weighted else 2]

    @tf.function
    def update(parts):
        strategy.run(
            lambda given: metric.update_state(*own_part(given).content), args=(parts,)
        )

    for batch in in_batches(*columns):
        columns_of_parts = zip(*(np.array_split(v, count) for v in batch), strict=True)
        update(tuple(Part(tuple(map(tf.constant, c)), 1) for c in columns_of_parts))
    expected = balanced_accuracy_score(
        labels, probabilities.argmax(axis=1), sample_weight=weights if weighted else None
    )
    assert float(metric.result()) == pytest.approx(expected, abs=1e-14)


def test_labels_may_have_a_column_of_their_own():
    labels, probabilities, weights = answers()
    flat, column = BalancedAccuracy(CLASSES), BalancedAccuracy(CLASSES)
    flat.update_state(labels, probabilities, weights)
    column.update_state(labels[:, None], probabilities, weights[:, None])
    assert float(flat.result()) == float(column.result()) > 0


def test_nothing_seen_is_zero_and_so_is_it_after_a_reset():
    metric = BalancedAccuracy(3)
    assert float(metric.result()) == 0
    metric.update_state([0, 1], [[0.9, 0.1, 0.0], [0.3, 0.6, 0.1]])
    assert float(metric.result()) == 1
    metric.reset_state()
    assert float(metric.result()) == 0


def test_counts_stay_exact_where_float32_would_lose_them():
    metric = BalancedAccuracy(2)
    metric.matrix.assign([[2.0**24, 0.0], [0.0, 1.0]])
    metric.update_state([0], [[0.0, 1.0]])
    np.testing.assert_array_equal(metric.matrix, [[2.0**24, 1.0], [0.0, 1.0]])
    metric.update_state([0], [[1.0, 0.0]])
    np.testing.assert_array_equal(metric.matrix, [[2.0**24 + 1, 1.0], [0.0, 1.0]])


def test_it_is_made_anew_from_its_configuration():
    metric = BalancedAccuracy(4, name="mean_recall")
    twin = BalancedAccuracy.from_config(metric.get_config())
    assert (twin.num_classes, twin.name) == (4, "mean_recall")
    assert isinstance(twin, keras.metrics.Metric)
