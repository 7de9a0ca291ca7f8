import gc
import json
import weakref
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keraunos.strategies.tensorflow_internals import (
    functions_are_traced,
    functions_run_eagerly,
    gradients_freed_with_their_graphs,
    has_started_devices,
    isolated_mirrored_strategy,
    limit_coordination,
    numpy_function,
    op_determinism_is_enabled,
    preserved_global_seed,
    random_floats_by,
    summaries_written_to,
    tensors_only,
    trace,
    traced,
    without_merge_calls,
)
from programs import fork_keraunos
from tensorflow.python.eager import context as eager_context
from tensorflow.python.framework import ops
from tensorflow.python.ops import summary_ops_v2

# Changes state that the process of the tests could not restore.
PROGRAM = """
import json
import tensorflow as tf
from keraunos.strategies import set_cpu_devices
from keraunos.strategies import tensorflow_internals as internals
from test_tensorflow_internals import sum_within_replicas
found = {"has_started": internals.has_started_devices(), "said_of_aborted": ""}
set_cpu_devices(2)
internals.abort_collectives("worker 1 is lost")
try:
    sum_within_replicas(tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"]))
except tf.errors.UnavailableError as error:
    found["said_of_aborted"] = str(error)
tf.config.experimental.enable_op_determinism()
found["is_deterministic"] = internals.op_determinism_is_enabled()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The findings of a separate process."""
    script = tmp_path_factory.mktemp("program") / "program.py"
    script.write_text(PROGRAM)
    done = fork_keraunos(cwd=Path(__file__).parent, script=script)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def sum_within_replicas(strategy, length=1):
    """A sum over replicas that is computed within them, as by BatchNorm."""

    @tf.function
    def run():
        def on_replica():
            context = tf.distribute.get_replica_context()
            return context.all_reduce("SUM", tf.ones(length))

        return strategy.run(on_replica)

    return [each.numpy().mean() for each in strategy.experimental_local_results(run())]


def test_isolated_mirrored_strategy():
    for count in (2, 4, 3, 2):
        devices = [f"/cpu:{number}" for number in range(count)]
        assert sum_within_replicas(isolated_mirrored_strategy(devices)) == [count] * count


def test_plain_mirrored_strategy_still_gets_its_own_collectives():
    devices = ["/cpu:0", "/cpu:1"]
    ours = isolated_mirrored_strategy(devices)
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


@tf.custom_gradient
def doubled_with_a_gradient_of_three(value):
    return 2 * value, lambda upstream: 3 * upstream


def slope(function, value):
    with tf.GradientTape() as tape:
        tape.watch(value)
        result = function(value)
    return float(tf.reduce_sum(tape.gradient(result, value)))


def require_freed(graph, known):
    gc.collect()
    gc.collect()  # the first one frees what a table of TensorFlow refers to weakly
    assert graph() is None
    assert len(ops.gradient_registry.list()) <= known


def test_trace():
    known = len(ops.gradient_registry.list())
    function, value = trace(doubled_with_a_gradient_of_three), tf.constant(1.0)
    assert slope(function, value) == 3  # requested after tracing
    graph = weakref.ref(function.get_concrete_function(value).graph)
    assert len(ops.gradient_registry.list()) > known
    del function
    require_freed(graph, known)


def test_gradients_freed_with_their_graphs():
    known = len(ops.gradient_registry.list())
    with tf.Graph().as_default(), gradients_freed_with_their_graphs():
        doubled_with_a_gradient_of_three(tf.constant(1.0))  # not in a graph of a function
    assert len(ops.gradient_registry.list()) == known + 1
    with gradients_freed_with_their_graphs():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "swish")])
    function = tf.function(model)
    with gradients_freed_with_their_graphs():
        function.get_concrete_function(tf.ones((1, 2)))
    graph = weakref.ref(function.get_concrete_function(tf.ones((1, 2))).graph)
    assert slope(function, tf.ones((1, 2))) != 0
    del function, model
    require_freed(graph, known + 1)


class Counting:
    """A dataset whose elements it makes itself."""

    def dataset(self):
        one = tf.data.Dataset.range(3)
        return one.map(lambda n: numpy_function(self.read, [n], [tf.int64])[0])

    def read(self, number):
        return number + np.int64(1)


def test_numpy_function():
    counting = Counting()
    reader = weakref.ref(counting)
    iterator = iter(counting.dataset().prefetch(1))
    del counting
    gc.collect()
    assert list(map(int, iterator)) == [1, 2, 3]
    del iterator
    gc.collect()
    assert reader() is None


@pytest.mark.slow
def test_op_determinism_is_enabled(found_elsewhere):
    assert not op_determinism_is_enabled()
    assert found_elsewhere["is_deterministic"]


@pytest.mark.slow
def test_has_started_devices(found_elsewhere):
    tf.constant(1)
    assert has_started_devices()
    assert not found_elsewhere["has_started"]


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


@pytest.mark.slow
def test_abort_collectives(found_elsewhere):
    assert "worker 1 is lost" in found_elsewhere["said_of_aborted"]


def test_functions_run_eagerly() -> None:
    def gather():
        context = tf.distribute.get_replica_context()
        number = tf.cast(context.replica_id_in_sync_group, tf.float32)
        return context.all_gather(tf.reshape(number, (1, 1)), axis=0)

    function = tf.function(tf.executing_eagerly, autograph=False)
    strategy = isolated_mirrored_strategy(["/cpu:0", "/cpu:1"])
    with functions_run_eagerly():
        assert function()
        gathered = strategy.run(gather)
    assert not tf.config.functions_run_eagerly()
    for each in strategy.experimental_local_results(gathered):
        assert each.numpy().tolist() == [[0.0], [1.0]]


def test_functions_are_traced() -> None:
    function = tf.function(tf.executing_eagerly, autograph=False)
    with functions_run_eagerly():
        with functions_are_traced():
            assert not function()
        assert function()


def test_random_floats_by() -> None:
    asked: list[Any] = []

    def stand_in(shape: Any, dtype: Any, **options: Any) -> Any:
        asked.append(dtype)
        return tf.fill(shape, tf.cast(0.75, dtype))

    with random_floats_by(stand_in, stand_in):
        draws = [
            tf.random.stateless_uniform((2,), [1, 2]),
            tf.random.stateless_normal((2,), [1, 2]),
            tf.nn.experimental.stateless_dropout(tf.ones(2), 0.5, seed=[1, 2]),
            keras.random.uniform((2,), seed=1),
        ]
    assert [list(each.numpy()) for each in draws] == [
        [0.75] * 2,
        [0.75] * 2,
        [2.0] * 2,
        [0.75] * 2,
    ]
    assert len(asked) == 4
    assert tf.random.stateless_uniform((), [1, 2]) != 0.75


def test_without_merge_calls() -> None:
    strategy = isolated_mirrored_strategy(["/cpu:0", "/cpu:1"])
    merge_call = tf.__internal__.distribute.interim.maybe_merge_call
    with strategy.scope():
        variable = tf.Variable(0.0)

    def call(own: tf.Variable) -> str:
        return str(merge_call(lambda given: given, "called at once"))

    with pytest.raises(AttributeError):  # there is no replica to leave
        strategy.extended.update(variable, call, group=False)
    with without_merge_calls(strategy):
        results = strategy.extended.update(variable, call, group=False)
    assert set(results) == {"called at once"}
    assert strategy.extended._use_merge_call()


def test_tensors_only() -> None:
    variable = tf.Variable(100)

    @tf.function
    def function(iterator: Any, factor: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"sum": factor * next(iterator) + variable}

    dataset = tf.data.Dataset.range(3, output_type=tf.int32)
    number = tf.TensorSpec((), tf.int32)
    traced_once = function.get_concrete_function(iter(dataset), number)
    for _ in range(2):
        run = tensors_only(traced_once, iter(dataset))
        assert [int(run(tf.constant(10))["sum"]) for _ in range(3)] == [100, 110, 120]
        with pytest.raises(tf.errors.OutOfRangeError):
            run(tf.constant(1))
    assert function.experimental_get_tracing_count() == 1


def test_summaries_written_to(tmp_path, monkeypatch):
    writer = tf.summary.create_file_writer(str(tmp_path))

    def disk_is_full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "flush", disk_is_full)
    with pytest.raises(OSError, match="No space"), summaries_written_to(writer):
        assert summary_ops_v2.has_default_writer()
    assert not summary_ops_v2.has_default_writer()
    monkeypatch.undo()


@pytest.mark.parametrize("seed", [None, 3])
def test_preserved_global_seed(seed):
    def order() -> list[int]:
        return [int(n) for n in tf.data.Dataset.range(9).shuffle(9)]

    before = eager_context.global_seed()
    try:
        tf.random.set_seed(3)
        first, second = order(), order()
        assert first != second
        eager_context.set_global_seed(seed)
        again = order()
        with preserved_global_seed():
            tf.random.set_seed(5)
            order()
        assert eager_context.global_seed() == seed
        assert seed is None or [again, order()] == [first, second]
    finally:
        eager_context.set_global_seed(before)
