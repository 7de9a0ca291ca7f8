from typing import Any

import tensorflow as tf
from helpers import replicas
from keraunos.strategies import on_each_device


def test_on_each_device_uses_its_own_variable_copies_and_argument() -> None:
    strategy = replicas(2)
    with strategy.scope():
        first, second = tf.Variable(0.0), tf.Variable([1.0])

    @tf.function(autograph=False)
    def run() -> list[Any]:
        def change(added: float) -> tf.Tensor:
            first.assign_add(added)
            return tf.cond(
                first > 5.0, lambda: second.assign([added]), lambda: second + 0.0
            )

        return on_each_device(strategy, first, change, [3.0, 30.0])

    assert [each.numpy().tolist() for each in run()] == [[1.0], [30.0]]
    copies = [strategy.experimental_local_results(each) for each in (first, second)]
    assert [[each.numpy().tolist() for each in own] for own in copies] == [
        [3.0, 30.0],
        [[1.0], [30.0]],
    ]


def test_on_each_device_works_on_a_single_device() -> None:
    strategy = replicas(1)
    with strategy.scope():
        variable = tf.Variable(2.0)
    (result,) = on_each_device(strategy, variable, variable.assign_add, [5.0])
    assert float(result) == float(variable) == 7.0
