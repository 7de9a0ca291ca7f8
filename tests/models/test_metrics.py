import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas
from keraunos.models import (
    Accuracy,
    BalancedAccuracy,
    ClassRecall,
    MacroF1,
    MacroRocAuc,
)
from keraunos.models.metric_names import create_metrics
from keraunos.strategies import Part, own_part
from sklearn import metrics

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


def macro_f1(labels, probabilities, weights=None):
    return metrics.f1_score(
        labels,
        probabilities.argmax(axis=1),
        labels=np.unique(labels),
        average="macro",
        sample_weight=weights,
    )


def balanced_accuracy(labels, probabilities, weights=None):
    return metrics.balanced_accuracy_score(
        labels, probabilities.argmax(axis=1), sample_weight=weights
    )


def recall_of_the_second(labels, probabilities, weights=None):
    return metrics.recall_score(
        labels == 1, probabilities.argmax(axis=1) == 1, sample_weight=weights
    )


def macro_roc_auc(labels, probabilities, weights=None):
    return np.mean(
        [
            metrics.roc_auc_score(labels == n, probabilities[:, n], sample_weight=weights)
            for n in np.unique(labels)
        ]
    )


# Each with scikit-learn's value for all examples at once, and the tolerance.
REFERENCES = {
    "balanced accuracy": (lambda: BalancedAccuracy(CLASSES), balanced_accuracy, 1e-14),
    "macro F1": (lambda: MacroF1(CLASSES), macro_f1, 1e-14),
    "recall of a class": (lambda: ClassRecall(1), recall_of_the_second, 1e-14),
    "macro ROC-AUC": (lambda: MacroRocAuc(CLASSES), macro_roc_auc, 0.02),
}


@pytest.mark.parametrize("name", [*REFERENCES, "accuracy"])
def test_soft_targets_count_as_their_most_probable_class(name):
    make = REFERENCES[name][0] if name in REFERENCES else Accuracy
    labels, probabilities, weights = answers()
    shares = np.random.default_rng(1).uniform(0.55, 1, len(labels))
    other = np.eye(CLASSES)[(labels + 1) % CLASSES] * (1 - shares)[:, None]
    mixed = np.eye(CLASSES)[labels] * shares[:, None] + other
    for weight in (None, weights):
        of_numbers, of_mixed = make(), make()
        of_numbers.update_state(labels, probabilities, weight)
        of_mixed.update_state(mixed, probabilities, weight)
        assert float(of_numbers.result()) == float(of_mixed.result())


def test_accuracy_equals_keras():
    labels, probabilities, weights = answers()
    for shape in ((-1,), (-1, 1)):
        ours, theirs = Accuracy(), keras.metrics.SparseCategoricalAccuracy()
        for metric in (ours, theirs):
            metric.update_state(labels.reshape(shape), probabilities, weights)
        assert float(ours.result()) == float(theirs.result())
        assert [v.path.split("/")[-1] for v in ours.variables] == ["total", "count"]


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("seed", range(3))
def test_metrics_equal_scikit_learn_over_uneven_batches(name, seed):
    make, reference, near = REFERENCES[name]
    labels, probabilities, _ = answers(seed)
    metric = make()
    for batch in in_batches(labels, probabilities):
        metric.update_state(*batch)
    expected = reference(labels, probabilities)
    assert float(metric.result()) == pytest.approx(expected, abs=near)


OTHERS = [((1, True), pytest.mark.nightly), ((4, False), pytest.mark.slow)]


@pytest.mark.slow
@pytest.mark.feature("classification scores")
@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize(
    ("count", "weighted"),
    [(2, True), *(pytest.param(*each, marks=mark) for each, mark in OTHERS)],
)
def test_metrics_are_exact_over_replicas_even_if_some_have_no_examples(
    name, count, weighted
):
    make, reference, near = REFERENCES[name]
    labels, probabilities, weights = answers()
    strategy = replicas(count)
    with strategy.scope():
        metric = make()
    columns = (labels, probabilities, weights)[: 3 if weighted else 2]

    @tf.function
    def update(parts):
        strategy.run(
            lambda given: metric.update_state(*own_part(given).content), args=(parts,)
        )

    for batch in in_batches(*columns):
        columns_of_parts = zip(*(np.array_split(v, count) for v in batch), strict=True)
        update(tuple(Part(tuple(map(tf.constant, c)), 1) for c in columns_of_parts))
    expected = reference(labels, probabilities, weights if weighted else None)
    assert float(metric.result()) == pytest.approx(expected, abs=near)
    whole = make()
    whole.update_state(*columns)
    assert float(metric.result()) == pytest.approx(float(whole.result()), abs=1e-14)


def test_roc_auc_stays_accurate_for_confident_classifiers():
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 5000)
    logits = 3 * random.normal(size=(5000, 3)) + 9 * np.eye(3)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    metric = MacroRocAuc(3)
    metric.update_state(labels, probabilities)
    assert float(metric.result()) == pytest.approx(
        macro_roc_auc(labels, probabilities), abs=1e-4
    )


def test_metrics_are_created_by_name():
    made = create_metrics(["accuracy", "macro_f1", "recall_per_class"], 2, ["cat", "b c"])
    assert made[0].name == "accuracy"
    assert [each.name for each in made[1:]] == ["macro_f1", "recall_cat", "recall_b_c"]
    numbered = create_metrics(["recall_per_class"], 3)
    assert [each.name for each in numbered] == ["recall_0", "recall_1", "recall_2"]


def test_labels_may_have_an_extra_dimension():
    labels, probabilities, weights = answers()
    flat, column = BalancedAccuracy(CLASSES), BalancedAccuracy(CLASSES)
    flat.update_state(labels, probabilities, weights)
    column.update_state(labels[:, None], probabilities, weights[:, None])
    assert float(flat.result()) == float(column.result()) > 0


def test_metric_is_zero_before_any_example_and_after_a_reset():
    metric = BalancedAccuracy(3)
    assert float(metric.result()) == 0
    metric.update_state([0, 1], [[0.9, 0.1, 0.0], [0.3, 0.6, 0.1]])
    assert float(metric.result()) == 1
    metric.reset_state()
    assert float(metric.result()) == 0


def test_counts_stay_exact_beyond_float32():
    metric = BalancedAccuracy(2)
    metric.matrix.assign([[2.0**24, 0.0], [0.0, 1.0]])
    metric.update_state([0], [[0.0, 1.0]])
    np.testing.assert_array_equal(metric.matrix, [[2.0**24, 1.0], [0.0, 1.0]])
    metric.update_state([0], [[1.0, 0.0]])
    np.testing.assert_array_equal(metric.matrix, [[2.0**24 + 1, 1.0], [0.0, 1.0]])


@pytest.mark.parametrize("kind", [BalancedAccuracy, MacroF1, ClassRecall, MacroRocAuc])
def test_metrics_round_trip_through_their_config(kind):
    metric = kind(4, name="mine")
    twin = kind.from_config(metric.get_config())
    assert twin.get_config() == metric.get_config()
    assert twin.name == "mine"
    assert isinstance(twin, keras.metrics.Metric)
