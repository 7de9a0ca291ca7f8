import numpy as np
import pytest
from keraunos import ConfigError
from keraunos.evaluation.statistics.intervals import bootstrap_intervals
from keraunos.export.quantization.judgement import QuantizedPredictions, judge, require_loss

# 40 images of a common class and 10 of a rare one.
LABELS = np.array([0] * 40 + [1] * 10)


def answers(wrong: list[int]) -> np.ndarray:
    """Probabilities that are correct except for some images."""
    rows = np.full((50, 2), 0.1)
    rows[np.arange(50), LABELS] = 0.9
    rows[wrong] = rows[wrong, ::-1]
    return rows


def judged(float32: np.ndarray, int8: np.ndarray) -> QuantizedPredictions:
    names = [f"{number}.png" for number in range(50)]
    return QuantizedPredictions("test", names, ("nevus", "melanoma"), LABELS, float32, int8)


def test_scores_have_intervals_and_the_loss_a_paired_interval():
    found = judge(judged(answers([0]), answers([0, 41])), max_loss=0.1)
    assert (found["split"], found["images"], found["max_loss"]) == ("test", 50, 0.1)
    assert found["agreement"] == 0.98
    accuracy, balanced = found["scores"]["accuracy"], found["scores"]["balanced_accuracy"]
    assert accuracy["float32"]["value"] == 0.98
    assert accuracy["int8"]["value"] == 0.96
    assert balanced["loss"]["value"] == pytest.approx(0.05)
    low, high = balanced["loss"]["interval"]
    assert 0 <= low <= 0.05 <= high
    for side, rows in (("float32", answers([0])), ("int8", answers([0, 41]))):
        interval = bootstrap_intervals(LABELS, rows)["balanced_accuracy"]
        assert balanced[side]["interval"] == list(interval)


def test_balanced_accuracy_loss_above_the_limit_is_rejected():
    """One image of the rare class costs 0.05, although only 0.02 of accuracy."""
    both = judged(answers([]), answers([41]))
    assert judge(both, max_loss=0.05)["scores"]["accuracy"]["loss"]["value"] < 0.03
    with pytest.raises(ConfigError, match=r"at most 0\.04 .*loss=0\.05.*--max-loss"):
        judge(both, max_loss=0.04)


def test_wide_loss_interval_is_a_warning_and_not_an_error():
    found = judge(judged(answers([0, 41]), answers([0, 42])), max_loss=0.02)
    assert found["scores"]["balanced_accuracy"]["loss"]["value"] == 0.0
    [warning] = found["warnings"]
    assert "50 images can't rule out that int8 loses" in warning
    assert judge(judged(answers([]), answers([])), max_loss=0.0)["warnings"] == []


def test_non_finite_predictions_are_rejected():
    broken = answers([])
    broken[3] = np.nan
    with pytest.raises(ConfigError, match="must be finite"):
        judge(judged(answers([]), broken), max_loss=1.0)


@pytest.mark.parametrize("max_loss", [-0.01, 1.01, float("nan")])
def test_invalid_loss_limits_are_rejected(max_loss):
    with pytest.raises(ConfigError, match="must be from 0 to 1"):
        require_loss(max_loss)
