import numpy as np
import pytest
from keraunos.evaluation import classification_scores
from sklearn import metrics

NAMES = ["cat", "dog", "emu", "gnu"]


def answers(classes: int, count: int = 60, seed: int = 0):
    random = np.random.default_rng(seed)
    return random.integers(0, classes, count), random.dirichlet(np.ones(4), count)


def test_scores_equal_scikit_learn():
    labels, probabilities = answers(classes=4)
    predicted = probabilities.argmax(axis=1)
    scores = classification_scores(labels, probabilities, NAMES)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert scores["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(labels, predicted)
    )
    assert scores["macro_f1"] == pytest.approx(
        metrics.f1_score(labels, predicted, average="macro")
    )
    assert scores["macro_roc_auc"] == pytest.approx(
        metrics.roc_auc_score(labels, probabilities, multi_class="ovr")
    )
    assert (
        scores["confusion_matrix"] == metrics.confusion_matrix(labels, predicted).tolist()
    )


def test_class_scores_equal_scikit_learn_with_ties_and_unpredicted_classes():
    labels, probabilities = answers(classes=4)
    probabilities = probabilities.round(1)
    probabilities[:, 2] /= 10  # never the largest
    predicted = probabilities.argmax(axis=1)
    scores = classification_scores(labels, probabilities, NAMES)["per_class"]
    columns = metrics.precision_recall_fscore_support(labels, predicted, zero_division=0)
    for place, name in enumerate(NAMES):
        area = metrics.roc_auc_score(labels == place, probabilities[:, place])
        expected = [*(column[place] for column in columns), area]
        keys = ["precision", "recall", "f1", "support", "roc_auc"]
        assert [scores[name][key] for key in keys] == pytest.approx(expected), name
    assert scores["emu"]["precision"] == 0


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_class_without_examples_is_listed_and_excluded_from_means():
    labels, probabilities = answers(classes=3)
    scores = classification_scores(labels, probabilities, NAMES)
    assert scores["classes_without_examples"] == ["gnu"]
    gnu = scores["per_class"]["gnu"]
    assert (gnu["recall"], gnu["roc_auc"], gnu["support"]) == (None, None, 0)
    predicted = probabilities.argmax(axis=1)
    assert scores["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(labels, predicted)
    )


def test_single_class_has_no_roc_auc():
    labels, probabilities = answers(classes=1)
    assert classification_scores(labels, probabilities, NAMES)["macro_roc_auc"] is None
