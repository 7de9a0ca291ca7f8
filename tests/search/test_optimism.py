import numpy as np
import pytest
from keraunos.search.choice import Choice
from keraunos.search.optimism import corrected_score
from keraunos.search.racing import can_win

TRIALS, SEARCHES, TRUTH = 24, 300, 0.7


def biases(folds, rule, seed=0):
    """How far score and corrected score are from the truth, in the mean of searches.

    All trials are equally good; folds differ in difficulty, and scores by chance.
    """
    random = np.random.default_rng(seed)
    choice, epochs = Choice(rule, "max"), random.permutation(TRIALS)

    def choose(scores):
        return choice.row(scores, epochs)

    found = []
    for _ in range(SEARCHES):
        difficulty = 0.03 * random.standard_normal(folds)
        scores = TRUTH + difficulty + 0.05 * random.standard_normal((TRIALS, folds))
        found.append((scores[choose(scores)].mean(), corrected_score(scores, choose)))
    return np.mean(found, axis=0) - TRUTH


@pytest.mark.parametrize("folds", [2, 3, 5, 10])
def test_of_trials_that_are_alike_the_corrected_score_is_not_optimistic(folds):
    naive, corrected = biases(folds, "best")
    assert naive > 0.025  # the best of 24 by luck
    assert abs(corrected) < 0.005


def test_the_rule_of_one_standard_error_is_corrected_by_itself():
    naive, corrected = biases(5, "one_standard_error")
    assert abs(corrected) < 0.005 < naive


def test_where_one_trial_is_better_by_far_nothing_is_taken_off():
    scores = np.array([[0.5, 0.6, 0.4], [0.9, 0.95, 0.85]])
    choice = Choice("best", "max")
    corrected = corrected_score(scores, lambda some: choice.row(some, np.array([1, 1])))
    assert corrected == pytest.approx(0.9)


@pytest.mark.nightly
def test_racing_leaves_nothing_of_the_optimism():
    random = np.random.default_rng(0)
    choice, found = Choice("best", "max"), []
    for _ in range(SEARCHES):
        scores = TRUTH + 0.05 * random.standard_normal((TRIALS, 5))
        kept = [0]
        for trial in range(1, TRIALS):
            rival = scores[max(kept, key=lambda row: scores[row].mean())]
            if all(can_win(scores[trial, :n], rival, "max") for n in range(1, 5)):
                kept.append(trial)
        raced, epochs = scores[kept], np.zeros(len(kept), int)
        found.append(corrected_score(raced, lambda some, e=epochs: choice.row(some, e)))
    assert len(kept) < TRIALS
    assert abs(np.mean(found) - TRUTH) < 0.006
