import math

import pytest
from keraunos.search.outer_folds import OuterScores

PARTS = [
    {"accuracy": 0.7, "balanced_accuracy": 0.60, "macro_roc_auc": None},
    {"accuracy": 0.8, "balanced_accuracy": 0.66, "macro_roc_auc": 0.9},
    {"accuracy": 0.9, "balanced_accuracy": 0.63, "macro_roc_auc": 0.8},
]


def test_mean_standard_error_and_interval_over_outer_folds():
    found = OuterScores(PARTS, "val_accuracy").as_json()
    assert found["parts"] == 3
    accuracy = found["accuracy"]
    assert accuracy["mean"] == pytest.approx(0.8)
    assert accuracy["standard_error"] == pytest.approx(0.1 / math.sqrt(3))
    # 4.3027 is the quantile of Student's t with 2 degrees of freedom.
    half = 4.3027 * 0.1 * math.sqrt(1 / 3 + 1 / 2)
    assert accuracy["interval"] == pytest.approx([0.8 - half, 0.8 + half], abs=1e-4)
    assert "macro_roc_auc" not in found  # not measured in each part


def test_objective_score_is_reported_or_all_scores_if_it_is_missing():
    said = OuterScores(PARTS, "val_balanced_accuracy").lines()
    assert said[0].startswith("outer folds: balanced_accuracy 0.6300")
    assert len(said) == 2
    assert len(OuterScores(PARTS, "val_loss").lines()) == 4
