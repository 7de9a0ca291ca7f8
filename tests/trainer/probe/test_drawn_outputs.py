import numpy as np
import pytest
import tensorflow as tf
from keraunos.trainer.probe.drawn_outputs import drawn_outputs, drawn_targets

NEARLY_THE_SAME = tf.constant([[0.3, 0.3, 0.4]] * 7)


def test_drawn_class_probabilities_sum_to_one_and_vary() -> None:
    drawn = drawn_outputs({"kind": NEARLY_THE_SAME})["kind"].numpy()
    np.testing.assert_allclose(drawn.sum(axis=1), 1, atol=1e-6)
    assert len(set(drawn.argmax(axis=1))) > 1
    assert drawn.max() > 0.5


def test_outputs_between_zero_and_one_stay_in_range() -> None:
    drawn = drawn_outputs(tf.fill((9, 1), 0.5)).numpy()
    assert drawn.min() < 0.5 < drawn.max()
    assert 0 <= drawn.min() <= drawn.max() <= 1


def test_other_outputs_are_spread_and_integers_are_kept() -> None:
    assert drawn_outputs(tf.fill((50, 2), 30.0)).numpy().std() > 0.5
    assert drawn_outputs(tf.constant([1, 2])).numpy().tolist() == [1, 2]


@pytest.mark.parametrize(
    ("targets", "outputs", "allowed"),
    [
        (tf.zeros((7,), tf.int32), NEARLY_THE_SAME, {0, 1, 2}),
        (tf.zeros((7, 1), tf.float32), tf.zeros((7, 1)), {0, 1}),
        (tf.one_hot([1] * 7, 3), NEARLY_THE_SAME, {0, 1}),
    ],
)
def test_drawn_targets_are_valid_labels_of_the_same_type(targets, outputs, allowed) -> None:
    drawn = drawn_targets(targets, outputs)
    assert drawn.dtype == targets.dtype
    assert drawn.shape == targets.shape
    assert set(np.unique(drawn)) == allowed


def test_one_hot_rows_stay_one_hot() -> None:
    drawn = drawn_targets(tf.one_hot([1] * 7, 3), NEARLY_THE_SAME).numpy()
    assert drawn.sum(axis=1).tolist() == [1] * 7
    assert len(set(drawn.argmax(axis=1))) > 1


def test_targets_other_than_labels_are_kept() -> None:
    for targets in (tf.constant([[0.5]]), tf.constant([["a"]])):
        assert np.array_equal(drawn_targets(targets, tf.constant([[0.1]])), targets)
    unlike = {"a": tf.constant([0, 1])}
    assert drawn_targets(unlike, tf.constant([[0.1], [0.2]])) is unlike
