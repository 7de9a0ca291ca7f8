"""What we lean on in TensorFlow without a public promise, each thing in one function.

docs/keras-internals.md says of each why it is needed; a test is named after each.
"""

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import tensorflow as tf
from tensorflow.python.distribute import cross_device_ops
from tensorflow.python.eager import context as eager_context
from tensorflow.python.framework import config as framework_config
from tensorflow.python.framework import ops
from tensorflow.python.framework.func_graph import FuncGraph
from tensorflow.python.ops import gen_stateless_random_ops_v2 as random_kernels
from tensorflow.python.ops import summary_ops_v2

# Where it stands has changed between versions: taken from who uses it.
CoordinatedJob = eager_context.coordination_config_pb2.CoordinatedJob

_GROUPS_PER_STRATEGY = 1000


def mirrored_strategy_of_its_own(devices: Sequence[str]) -> tf.distribute.Strategy:
    """Creates a MirroredStrategy whose collectives don't collide with another's.

    TensorFlow numbers the device groups of each strategy from 1 on but remembers them
    for the whole process, so that collectives of a second strategy (synchronised
    BatchNorm on other devices, or in another model) fail. Its own tests move the start
    of the numbering as this does. It is moved once more afterwards, for a strategy that
    somebody else makes later.
    """
    tf.distribute.MirroredStrategy._collective_key_base += _GROUPS_PER_STRATEGY
    strategy = tf.distribute.MirroredStrategy(list(devices))
    tf.distribute.MirroredStrategy._collective_key_base += _GROUPS_PER_STRATEGY
    return strategy


@contextlib.contextmanager
def without_merge_calls(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Lets an optimizer of Keras update variables within `strategy.extended.update`.

    It asks whether to leave the replicas for that, which only they can do. Where there
    is one device for each replica the answer makes no other difference.
    """
    answers = vars(strategy.extended)
    answers["_use_merge_call"] = lambda: False
    try:
        yield
    finally:
        del answers["_use_merge_call"]


def op_determinism_is_enabled() -> bool:
    """Whether this process has asked for repeatable operations, for good."""
    return bool(framework_config.is_op_determinism_enabled())


class traced:  # noqa: N801 - a decorator, like property
    """Decorates a method that is a `tf.function` of its object.

    Each fit has steps of its own and traces them once. TensorFlow counts the traces of
    all objects together and warns of them after some fits, as if one were traced again
    and again.

    Args:
        method: Is traced as it is, without AutoGraph.
    """

    def __init__(self, method: Callable[..., Any]) -> None:
        self._function = trace(method)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """The `tf.function` of an object; always the same one."""
        function = self._function.__get__(instance, owner)
        function._omit_frequent_tracing_warning = True
        return function


def trace(body: Callable[..., Any], jit_compile: bool | None = None) -> Any:
    """Creates a `tf.function`, without AutoGraph, that leaves nothing when it is dropped.

    Args:
        body: What to trace.
        jit_compile: As of `tf.function`: whether XLA compiles it.
    """

    @functools.wraps(body)
    def traceable(*arguments: Any, **named: Any) -> Any:
        with gradients_freed_with_their_graphs():
            return body(*arguments, **named)

    return tf.function(
        traceable, reduce_retracing=True, autograph=False, jit_compile=jit_compile
    )


def tensors_only(function: Any, first: Any) -> Callable[..., Any]:
    """A concrete function whose first argument stays, called with tensors for the rest.

    TensorFlow would take all arguments apart and compare their types in each call, which
    takes it a tenth of a millisecond for an iterator. No gradient flows through it.

    Args:
        function: From `get_concrete_function`.
        first: Its first argument.
    """
    own = tf.nest.flatten(first, expand_composites=True)
    call = function.inference_fn.call_preflattened

    def run(*rest: tf.Tensor) -> Any:
        return call([*own, *rest, *function.captured_inputs])

    return run


@contextlib.contextmanager
def gradients_freed_with_their_graphs() -> Iterator[None]:
    """Makes graphs hold the custom gradients that are registered while they are traced.

    TensorFlow holds them for the life of the process, and through them every graph with
    an activation or a sum over replicas that has one: megabytes a fit.
    """
    registry, kind = ops.gradient_registry, type(ops.gradient_registry)
    register = kind.register

    def register_weakly(self: Any, gradient: Callable[..., Any], name: str) -> None:
        graph = tf.compat.v1.get_default_graph()
        if self is registry and isinstance(graph, FuncGraph):
            weakref.finalize(graph, registry._registry.pop, name, None)
            gradient = _held_by(graph, gradient)
        register(self, gradient, name)

    kind.register = register_weakly
    try:
        yield
    finally:
        kind.register = register


def numpy_function(
    function: Callable[..., Any], inputs: Sequence[Any], types: Sequence[Any]
) -> Any:
    """A `tf.numpy_function` that goes with the graph that is being traced.

    TensorFlow holds its function for the life of the process, with all that it reads from.
    """
    graph = tf.compat.v1.get_default_graph()
    return tf.numpy_function(_held_by(graph, function), inputs, types)


def _held_by(graph: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Calls a function as long as there is a graph, and does not hold it."""
    held = weakref.ref(function)
    setattr(graph, f"_held_{id(function)}", function)

    def call(*arguments: Any) -> Any:
        called: Any = held()
        return called(*arguments)

    return call


def has_started_devices() -> bool:
    """Whether TensorFlow has made its devices, after which it takes no workers."""
    return eager_context.context()._context_handle is not None


def limit_coordination(seconds: float, num_workers: int) -> None:
    """Lets TensorFlow's own signs of life come after ours, which name who is lost."""
    eager_context.context().configure_coordination_service(
        "standalone",
        service_leader="/job:worker/replica:0/task:0",
        heartbeat_timeout_in_ms=round(1000 * seconds),
        coordinated_jobs=[CoordinatedJob(name="worker", num_tasks=num_workers)],
    )


def abort_collectives(reason: str) -> None:
    """Ends all sums over workers that wait for somebody who is gone; for good."""
    eager_context.context().abort_collective_ops(tf.errors.UNAVAILABLE, reason)


@contextlib.contextmanager
def functions_run_eagerly() -> Iterator[None]:
    """Lets the body of every `tf.function` run as plain Python for a while.

    A function that is traced within `keras.StatelessScope` keeps that trace, in which
    variables are constants. To gather over replicas TensorFlow uses a function of its
    own, which is left one. Its advice not to run a strategy eagerly is not printed.
    """
    operations, logger = cross_device_ops.CollectiveAllReduce, tf.get_logger()
    gather, level = operations._batch_all_gather, logger.level

    def traced_gather(*arguments: Any) -> Any:
        with functions_are_traced():
            return gather(*arguments)

    operations._batch_all_gather = traced_gather
    logger.setLevel("ERROR")
    try:
        with _functions(run_eagerly=True):
            yield
    finally:
        logger.setLevel(level)
        operations._batch_all_gather = gather


def functions_are_traced() -> AbstractContextManager[None]:
    """Lets a `tf.function` be one within `functions_run_eagerly`."""
    return _functions(run_eagerly=False)


@contextlib.contextmanager
def _functions(run_eagerly: bool) -> Iterator[None]:
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(run_eagerly)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextlib.contextmanager
def random_floats_by(
    uniform: Callable[..., tf.Tensor], normal: Callable[..., tf.Tensor]
) -> Iterator[None]:
    """Replaces the operations that draw random floats for a seed, while tracing.

    All of `tf.random.stateless_uniform`, `stateless_normal` and `stateless_dropout`,
    and Keras with them, end in these two.

    Args:
        uniform: In place of `StatelessRandomUniformV2`, with the same arguments.
        normal: In place of `StatelessRandomNormalV2`.
    """
    names = ("stateless_random_uniform_v2", "stateless_random_normal_v2")
    before = [getattr(random_kernels, name) for name in names]
    for name, function in zip(names, (uniform, normal), strict=True):
        setattr(random_kernels, name, function)
    try:
        yield
    finally:
        for name, function in zip(names, before, strict=True):
            setattr(random_kernels, name, function)


@contextlib.contextmanager
def global_seed_kept() -> Iterator[None]:
    """Gives `tf.random`'s global seed back, and how far it has drawn from it."""
    context = eager_context.context()
    seed, generator = context._seed, getattr(context, "_rng", None)
    try:
        yield
    finally:
        context._set_global_seed(seed)
        context._rng = generator


@contextlib.contextmanager
def summaries_written_to(writer: tf.summary.SummaryWriter) -> Iterator[None]:
    """Makes a summary writer the default, and always restores the previous one.

    `writer.as_default()` stays the default where flushing fails at the end, on a full disk,
    say: summaries of others then go to a writer that is closed.
    """
    before = summary_ops_v2._summary_state.writer
    try:
        with writer.as_default():
            yield
    finally:
        summary_ops_v2._summary_state.writer = before
