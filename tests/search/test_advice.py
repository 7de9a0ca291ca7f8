"""The score that a finished search recommends to report."""

from pathlib import Path

import keras_tuner
import pytest
from keraunos.search.advice import advise
from keraunos.search.outer_folds import OuterScores
from keraunos.search.result import SearchResult
from keraunos.search.study import Trial
from keraunos.search.winner import Winner

TEST = {"accuracy": 0.44512, "intervals": {"accuracy": [0.3, 0.5], "auc": [None, None]}}
OUTER = OuterScores([{"accuracy": 0.7}, {"accuracy": 0.8}], "val_accuracy")


def result(folds=(0.5, 0.6), num_trials=3, objective="val_accuracy", signal=None):
    trial = Trial(2, keras_tuner.HyperParameters(), "completed", score=0.55)
    trial.fold_scores = folds
    winner = Winner(trial, "best", objective, num_trials, 0.53 if folds else None)
    return SearchResult([trial], [trial], Path("runs"), signal, winner)


@pytest.mark.parametrize(
    ("test", "outer", "words"),
    [
        (None, None, "to report: nothing yet"),
        (TEST, None, "to report: accuracy 0.4451 (95% interval 0.3000 to 0.5000) on the"),
        (None, OUTER, "to report: accuracy 0.7500 (95% interval "),
        ({"auc": 0.5}, None, "to report: the scores on the test images"),
    ],
)
def test_score_to_report_is_independent_of_the_search(test, outer, words):
    first, last = advise(result(), test, outer)
    assert first.startswith(words)
    assert last.startswith("not to report: 0.5500: it is the best of 3 trials, and each")


def test_scores_on_test_images_and_outer_folds_are_both_reported():
    assert [line[:12] for line in advise(result(), TEST, OUTER)[:2]] == ["to report: a"] * 2


def test_advice_names_the_choices_that_bias_the_search_score():
    (*_, line) = advise(result(num_trials=1))
    assert "best of" not in line
    assert "each fold counts with the epoch" in line
    (*_, line) = advise(result(folds=()))
    assert line == "not to report: 0.5500, for which trial and epoch were chosen"
    assert advise(result(signal=2)) == []
