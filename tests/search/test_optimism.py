import numpy as np
import pytest
from keraunos.search.choice import Choice
from keraunos.search.optimism import corrected_score
from keraunos.search.racing import can_win

TRIALS, SEARCHES, TRUTH = 24, 300, 0.7


def biases(folds, rule, seed=0):
    """Mean deviation of score and corrected score from the truth over searches.

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
def test_corrected_score_is_unbiased_for_equally_good_trials(folds):
    naive, corrected = biases(folds, "best")
    assert naive > 0.025  # the best of 24 by luck
    assert abs(corrected) < 0.005


def test_corrected_score_is_unbiased_for_the_one_standard_error_rule():
    naive, corrected = biases(5, "one_standard_error")
    assert abs(corrected) < 0.005 < naive


def test_clear_winner_gets_no_correction():
    scores = np.array([[0.5, 0.6, 0.4], [0.9, 0.95, 0.85]])
    choice = Choice("best", "max")
    corrected = corrected_score(scores, lambda some: choice.row(some, np.array([1, 1])))
    assert corrected == pytest.approx(0.9)


@pytest.mark.nightly
def test_corrected_score_is_unbiased_with_racing():
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
