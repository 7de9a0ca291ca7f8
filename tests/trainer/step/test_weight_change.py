import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas
from keraunos.trainer.step.weight_change import MAX_COMPARED, WeightChange


def test_small_weights_are_compared_whole_and_large_ones_by_every_nth():
    random = np.random.default_rng(0)
    sizes = [(3,), (512, 1000)]
    before = [random.normal(size=size).astype(np.float32) for size in sizes]
    ways = [0.01 * random.normal(size=size).astype(np.float32) for size in sizes]
    variables = [tf.Variable(each) for each in before]
    change = WeightChange(replicas(1), variables)
    copies = change.before()
    for variable, way in zip(variables, ways, strict=True):
        variable.assign_add(way)
    assert copies[0].shape[0] == 3
    assert copies[1].shape[0] <= MAX_COMPARED
    way, length = change.lengths(copies)
    assert way[0] == pytest.approx(np.linalg.norm(ways[0]), rel=1e-4)
    assert length[0] == pytest.approx(np.linalg.norm(before[0]), rel=1e-6)
    assert way[1] == pytest.approx(np.linalg.norm(ways[1]), rel=0.02)
    assert length[1] == pytest.approx(np.linalg.norm(before[1]), rel=0.02)
