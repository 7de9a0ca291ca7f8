import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from keraunos.strategies.tensorflow_internals import (
    has_started_devices,
    limit_coordination,
    mirrored_strategy_of_its_own,
    op_determinism_is_enabled,
    traced,
)
from tensorflow.python.eager import context as eager_context


def sum_within_replicas(strategy, length=1):
    """A sum over replicas that is asked for from within them, as by BatchNorm."""

    @tf.function
    def run():
        def on_replica():
            context = tf.distribute.get_replica_context()
            return context.all_reduce("SUM", tf.ones(length))

        return strategy.run(on_replica)

    return [each.numpy().mean() for each in strategy.experimental_local_results(run())]


def test_mirrored_strategy_of_its_own():
    for count in (2, 4, 3, 2):
        devices = [f"/cpu:{number}" for number in range(count)]
        assert sum_within_replicas(mirrored_strategy_of_its_own(devices)) == [count] * count


def test_a_mirrored_strategy_that_is_made_without_us_gets_collectives_of_its_own_too():
    devices = ["/cpu:0", "/cpu:1"]
    ours = mirrored_strategy_of_its_own(devices)
    plain = tf.distribute.MirroredStrategy(devices)
    assert sum_within_replicas(ours, length=3) == [2, 2]
    assert sum_within_replicas(plain, length=4) == [2, 2]


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


def test_has_started_devices():
    tf.constant(1)
    assert has_started_devices()
    program = (
        "from keraunos.strategies.tensorflow_internals import has_started_devices\n"
        "assert not has_started_devices()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_limit_coordination():
    context = eager_context.context()
    before = context.coordination_service
    try:
        limit_coordination(60.0, num_workers=3)
        set_up = context.coordination_service
        assert set_up.heartbeat_timeout_in_ms == 60_000
        assert [each.num_tasks for each in set_up.coordinated_job_list] == [3]
    finally:
        context._coordination_service_config = before


def test_abort_collectives():
    program = (
        "import tensorflow as tf\n"
        "from keraunos.strategies import set_cpu_devices\n"
        "from keraunos.strategies.tensorflow_internals import abort_collectives\n"
        "from test_tensorflow_internals import sum_within_replicas\n"
        "set_cpu_devices(2)\n"
        "abort_collectives('worker 1 is lost')\n"
        "try:\n"
        "    sum_within_replicas(tf.distribute.MirroredStrategy(['/cpu:0', '/cpu:1']))\n"
        "except tf.errors.UnavailableError as error:\n"
        "    assert 'worker 1 is lost' in str(error)\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    folder = Path(__file__).parent
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120, cwd=folder)
