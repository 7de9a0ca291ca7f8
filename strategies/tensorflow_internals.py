"""Wraps the internals of TensorFlow that we use, one per function.

docs/keras-internals.md explains why each is needed; a test is named after each.
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

# Its module has changed between versions, so it is taken from a module that uses it.
CoordinatedJob = eager_context.coordination_config_pb2.CoordinatedJob

_GROUPS_PER_STRATEGY = 1000


def isolated_mirrored_strategy(devices: Sequence[str]) -> tf.distribute.Strategy:
    """Creates a MirroredStrategy whose collectives don't collide with another's.

    TensorFlow numbers the device groups of each strategy from 1 but keeps them for the
    whole process, so that collectives of a second strategy (synchronized BatchNorm on other
    devices, or in another model) fail. Like TensorFlow's own tests, this changes the first
    number; it does so again afterwards, for strategies that others create later.
    """
    tf.distribute.MirroredStrategy._collective_key_base += _GROUPS_PER_STRATEGY
    strategy = tf.distribute.MirroredStrategy(list(devices))
    tf.distribute.MirroredStrategy._collective_key_base += _GROUPS_PER_STRATEGY
    return strategy


@contextlib.contextmanager
def without_merge_calls(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Allows Keras's optimizers to update variables within `strategy.extended.update`.

    They check whether to leave the replica context, which is possible only in a replica.
    With one device per replica, the answer has no other effect.
    """
    answers = vars(strategy.extended)
    answers["_use_merge_call"] = lambda: False
    try:
        yield
    finally:
        del answers["_use_merge_call"]


def op_determinism_is_enabled() -> bool:
    """Returns whether op determinism is enabled in this process."""
    return bool(framework_config.is_op_determinism_enabled())


class traced:  # noqa: N801 - a decorator, like property
    """Decorates a method to be a `tf.function` of its object.

    Each fit has its own steps and traces them once. TensorFlow counts the traces of all
    objects together, and after some fits would warn about frequent retracing.

    Args:
        method: The method, traced without AutoGraph.
    """

    def __init__(self, method: Callable[..., Any]) -> None:
        self._function = trace(method)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """Returns the `tf.function` of an object, always the same one."""
        function = self._function.__get__(instance, owner)
        function._omit_frequent_tracing_warning = True
        return function


def trace(body: Callable[..., Any], jit_compile: bool | None = None) -> Any:
    """Creates a `tf.function` without AutoGraph whose memory is freed with it.

    Args:
        body: The function to trace.
        jit_compile: See `tf.function`: whether XLA compiles it.
    """

    @functools.wraps(body)
    def traceable(*arguments: Any, **named: Any) -> Any:
        with gradients_freed_with_their_graphs():
            return body(*arguments, **named)

    return tf.function(
        traceable, reduce_retracing=True, autograph=False, jit_compile=jit_compile
    )


def tensors_only(function: Any, *first: Any) -> Callable[..., Any]:
    """Binds the first arguments of a concrete function; the others must be tensors.

    TensorFlow would flatten all arguments and check their types in each call, which takes
    0.1 milliseconds for an iterator. No gradient flows through the result.

    Args:
        function: The result of `get_concrete_function`.
        first: The first arguments, such as an iterator.
    """
    own = tf.nest.flatten(first, expand_composites=True)
    call = function.inference_fn.call_preflattened

    def run(*rest: tf.Tensor) -> Any:
        return call([*own, *rest, *function.captured_inputs])

    return run


@contextlib.contextmanager
def gradients_freed_with_their_graphs() -> Iterator[None]:
    """Frees custom gradients with the graphs in whose traces they are registered.

    TensorFlow keeps them until the process exits, and with them every graph that has an
    activation or a sum over replicas with a custom gradient: megabytes per fit.
    """
    registry, kind = ops.gradient_registry, type(ops.gradient_registry)
    register = kind.register

    def register_weakly(self: Any, gradient: Callable[..., Any], name: str) -> None:
        graph = tf.compat.v1.get_default_graph()
        if self is registry and isinstance(graph, FuncGraph):
            weakref.finalize(graph, registry._registry.pop, name, None)
            gradient = _kept_alive_by(graph, gradient)
        register(self, gradient, name)

    kind.register = register_weakly
    try:
        yield
    finally:
        kind.register = register


def numpy_function(
    function: Callable[..., Any], inputs: Sequence[Any], types: Sequence[Any]
) -> Any:
    """Creates a `tf.numpy_function` that is freed with the graph being traced.

    TensorFlow would keep the function, and everything it refers to, until the process
    exits.
    """
    graph = tf.compat.v1.get_default_graph()
    return tf.numpy_function(_kept_alive_by(graph, function), inputs, types)


def _kept_alive_by(graph: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a weak wrapper of a function that the graph keeps alive."""
    held = weakref.ref(function)
    setattr(graph, f"_held_{id(function)}", function)

    def call(*arguments: Any) -> Any:
        called: Any = held()
        return called(*arguments)

    return call


def has_started_devices() -> bool:
    """Returns whether TensorFlow has started its devices and no longer accepts workers."""
    return eager_context.context()._context_handle is not None


def limit_coordination(seconds: float, num_workers: int) -> None:
    """Sets TensorFlow's heartbeat timeout, longer than ours, which names lost workers."""
    eager_context.context().configure_coordination_service(
        "standalone",
        service_leader="/job:worker/replica:0/task:0",
        heartbeat_timeout_in_ms=round(1000 * seconds),
        coordinated_jobs=[CoordinatedJob(name="worker", num_tasks=num_workers)],
    )


def abort_collectives(reason: str) -> None:
    """Aborts all collectives that wait for a lost worker, permanently."""
    eager_context.context().abort_collective_ops(tf.errors.UNAVAILABLE, reason)


@contextlib.contextmanager
def functions_run_eagerly() -> Iterator[None]:
    """Runs the body of every `tf.function` as plain Python within the context.

    A function traced within `keras.StatelessScope` would keep that trace, in which
    variables are constants. TensorFlow's own function that gathers over replicas stays a
    function. Its warning about running a strategy eagerly is suppressed.
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
    """Traces functions again within `functions_run_eagerly`."""
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
    """Replaces the operations that draw random floats from a seed, while tracing.

    `tf.random.stateless_uniform`, `stateless_normal` and `stateless_dropout`, and thus
    Keras, use these two.

    Args:
        uniform: Replaces `StatelessRandomUniformV2`, with the same arguments.
        normal: Replaces `StatelessRandomNormalV2`, with the same arguments.
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
def preserved_global_seed() -> Iterator[None]:
    """Restores the global seed of `tf.random`, and the state of its generator, on exit."""
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

    `writer.as_default()` does not restore it if flushing fails at the end, for example on a
    full disk: later summaries would go to a closed writer.
    """
    before = summary_ops_v2._summary_state.writer
    try:
        with writer.as_default():
            yield
    finally:
        summary_ops_v2._summary_state.writer = before
