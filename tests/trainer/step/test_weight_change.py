import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas
from keraunos.trainer.step.weight_change import MAX_COMPARED, WeightChange


def test_small_weights_are_compared_whole_and_large_ones_subsampled():
    random = np.random.default_rng(0)
    sizes = [(3,), (512, 1000)]
    before = [random.normal(size=size).astype(np.float32) for size in sizes]
    deltas = [0.01 * random.normal(size=size).astype(np.float32) for size in sizes]
    variables = [tf.Variable(each) for each in before]
    change = WeightChange(replicas(1), variables)
    copies = change.before()
    for variable, delta in zip(variables, deltas, strict=True):
        variable.assign_add(delta)
    assert copies[0].shape[0] == 3
    assert copies[1].shape[0] <= MAX_COMPARED
    delta, length = change.lengths(copies)
    assert delta[0] == pytest.approx(np.linalg.norm(deltas[0]), rel=1e-4)
    assert length[0] == pytest.approx(np.linalg.norm(before[0]), rel=1e-6)
    assert delta[1] == pytest.approx(np.linalg.norm(deltas[1]), rel=0.02)
    assert length[1] == pytest.approx(np.linalg.norm(before[1]), rel=0.02)
