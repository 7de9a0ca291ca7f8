import random

import keras_tuner
import numpy as np
import pytest
from keraunos.callbacks.monitor import Monitor
from keraunos.search.choice import Choice, Keep
from keraunos.search.study import Trial
from keraunos.search.winner import find_winner

ACCURACY = Monitor("val_accuracy")


def trial(number, folds, epoch):
    made = Trial(number, keras_tuner.HyperParameters(), "completed")
    made.score, made.best_epoch, made.fold_scores = float(np.mean(folds)), epoch, folds
    return made


def random_trials(seed, mode="max", count=12, folds=4):
    """Trials with ties, the best first; some were stopped after a fold or two."""
    draw = random.Random(seed)
    trials = [
        trial(n, [draw.randrange(60, 80) / 100 for _ in range(folds)], draw.randrange(1, 6))
        for n in range(count)
    ]
    for each in draw.sample(trials, 3):
        each.fold_scores = each.fold_scores[: draw.randrange(1, folds)]
    sign = 1 if mode == "min" else -1
    return sorted(
        trials, key=lambda t: (len(t.fold_scores) < folds, sign * t.score, t.number)
    )


def test_best_trial_wins_by_default():
    ranking = random_trials(0)
    assert Choice("best", "max").of(ranking) is ranking[0]
    assert Choice("best", "max").of([]) is None


@pytest.mark.parametrize("mode", ["max", "min"])
def test_simplest_trial_within_one_standard_error_wins(mode):
    sign = 1 if mode == "max" else -1
    best = trial(0, [sign * 0.70, sign * 0.80, sign * 0.90], 9)  # its error is 0.058
    near = trial(1, [sign * 0.745] * 3, 4)
    as_near = trial(2, [sign * 0.79] * 3, 4)
    far = trial(3, [sign * 0.741] * 3, 1)
    ranking = [best, as_near, near, far]
    assert Choice("one_standard_error", mode).of(ranking) is near
    assert Choice("best", mode).of(ranking) is best


def test_trial_stopped_early_never_wins():
    best, stopped = trial(0, [0.7, 0.8, 0.9], 9), trial(1, [0.8], 1)
    assert Choice("one_standard_error", "max").of([best, stopped]) is best


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("rule", ["best", "one_standard_error"])
def test_choice_by_score_table_equals_choice_by_trials(rule, mode):
    for seed in range(100):
        ranking = random_trials(seed, mode)
        rows = [t for t in ranking if len(t.fold_scores) == 4]
        rows.sort(key=lambda t: t.number)
        scores = np.array([t.fold_scores for t in rows])
        choice = Choice(rule, mode)
        row = choice.row(scores, np.array([t.best_epoch for t in rows]))
        assert rows[row] is choice.of(ranking), seed


def test_every_possible_later_winner_keeps_its_weights():
    choice = Choice("one_standard_error", "max")
    late_winners = 0
    for seed in range(100):
        order = random_trials(seed)
        random.Random(seed).shuffle(order)
        kept, shown = set(), set()
        for ended in range(1, len(order) + 1):
            so_far = sorted(
                order[:ended], key=lambda t: (len(t.fold_scores) < 4, -t.score, t.number)
            )
            new = order[ended - 1].number
            front = {t.number for t in choice.may_win(so_far)}
            kept = (kept | {new}) & front
            winner = choice.of(so_far)
            assert winner is None or len(winner.fold_scores) < 4 or winner.number in kept
            late_winners += winner.number != new and winner.number not in shown
            shown.add(winner.number)
    assert late_winners  # one that did not win when it ended, and wins later


def test_winner_takes_precedence_over_higher_scores_when_keeping_weights():
    best, simple, other = (
        trial(0, [0.7, 0.8, 0.9], 9),
        trial(2, [0.75] * 3, 1),
        trial(1, [0.78] * 3, 5),
    )
    ranking = [best, other, simple]
    choice = Choice("one_standard_error", "max")
    assert Keep(1, choice).best(ranking) == [simple]
    assert Keep(2, choice).best(ranking) == [simple, best]
    assert Keep(2, Choice("best", "max")).best(ranking) == [best, other]


def test_description_of_a_winner_over_folds():
    ranking = [trial(0, [0.9, 0.5, 0.8], 3), trial(1, [0.6, 0.8, 0.6], 2)]
    winner = find_winner(ranking, Choice("best", "max"), ACCURACY)
    said = " ".join(winner.lines())
    assert "trial-000, the best of 2 trials" in said
    assert "val_accuracy 0.7333, standard error 0.1202 over 3 folds" in said
    # Without the first fold the second trial is chosen, and scored 0.6 on it.
    assert winner.corrected == pytest.approx((0.6 + 0.5 + 0.8) / 3)
    assert "corrected for selection: 0.6333" in said
    written = winner.as_json()
    assert (written["trial"], written["num_trials"]) == ("trial-000", 2)
    assert written["corrected_score"] == winner.corrected
    assert "always this one" not in said
    alike = [trial(0, [0.9, 0.8, 0.85], 3), trial(1, [0.6, 0.7, 0.6], 2)]
    winner = find_winner(alike, Choice("best", "max"), ACCURACY)
    assert "corrected for selection: 0.8500" in winner.lines()[-1]
    assert "always this one" in winner.lines()[-1]


def test_winning_score_without_folds_is_called_optimistic():
    first, second = trial(0, [0.9], 3), trial(1, [0.8], 2)
    first.fold_scores = second.fold_scores = ()
    winner = find_winner([first, second], Choice("best", "max"), ACCURACY)
    assert winner.corrected is None
    assert "optimistic" in " ".join(winner.lines())
    alone = find_winner([first], Choice("best", "max"), ACCURACY)
    assert "optimistic" not in " ".join(alone.lines())
    assert find_winner([], Choice("best", "max"), ACCURACY) is None
