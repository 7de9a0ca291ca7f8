import subprocess
import sys

import pytest
import tensorflow as tf
from keraunos.strategies.tensorflow_internals import (
    mirrored_strategy_of_its_own,
    op_determinism_is_enabled,
    traced,
)


def sum_within_replicas(strategy):
    """A sum over replicas that is asked for from within them, as by BatchNorm."""

    @tf.function
    def run():
        def on_replica():
            context = tf.distribute.get_replica_context()
            return context.all_reduce("SUM", tf.constant(1.0))

        return strategy.run(on_replica)

    return [float(each) for each in strategy.experimental_local_results(run())]


def test_mirrored_strategy_of_its_own():
    for count in (2, 4, 3, 2):
        devices = [f"/cpu:{number}" for number in range(count)]
        assert sum_within_replicas(mirrored_strategy_of_its_own(devices)) == [count] * count


class Doubling:
    """Counts how often it is traced."""

    def __init__(self):
        self.traces = 0

    @traced
    def __call__(self, value):
        self.traces += 1
        return 2 * value


def test_traced(caplog: pytest.LogCaptureFixture):
    for number in range(12):
        doubling = Doubling()
        assert [int(doubling(tf.constant(n))) for n in (number, 1)] == [2 * number, 2]
        assert doubling.traces == 1
    assert "retracing" not in caplog.text


def test_op_determinism_is_enabled():
    assert not op_determinism_is_enabled()
    program = (
        "import tensorflow as tf\n"
        "from keraunos.strategies.tensorflow_internals import op_determinism_is_enabled\n"
        "tf.config.experimental.enable_op_determinism()\n"
        "assert op_determinism_is_enabled()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
