"""Decides whether XLA compiles the forward and backward pass of a model."""

from typing import Any, Literal, NamedTuple

import keras
import tensorflow as tf

from ...core.errors import ConfigError, message
from ...models import Module
from ...models.variables import batch_norms
from ...strategies import Replicas
from ..contracts import BatchSource
from ..probe.compiled_probe import CompiledProbe
from ..probe.first_rows import first_elements
from ..probe.one_pass import rows_of
from ..step.compiled_pass import CompiledPass
from ..step.metric_internals import held_metrics
from ..step.replica_pass import ReplicaPass
from .compiled_model import batch_spec

JitCompile = Literal["auto"] | bool


class Compilation(NamedTuple):
    """The chosen forward and backward pass.

    Attributes:
        replica_pass: The pass, compiled or not.
        line: The line to announce; empty if nothing was requested.
    """

    replica_pass: ReplicaPass | CompiledPass
    line: str


class TrainingSetup(NamedTuple):
    """The objects that a pass is made from."""

    model: keras.Model
    module: Module
    strategy: tf.distribute.Strategy
    source: BatchSource
    seed: int


def choose_pass(
    asked: JitCompile, was_compiled: bool | None, setup: TrainingSetup
) -> Compilation:
    """Compiles the pass if wanted and if XLA gives the same results.

    All workers must call this.

    Args:
        asked: `trainer.jit_compile`.
        was_compiled: Whether the resumed run was compiled; None for a new run.
        setup: The objects to make the pass from.

    Raises:
        ConfigError: The pass must be compiled and can't be, or a resumed run was started
            with another value of `jit_compile`.
    """
    wanted = should_compile(asked, was_compiled, setup.strategy)
    plain = ReplicaPass(setup.model, setup.module, setup.strategy.num_replicas_in_sync)
    if not wanted:
        return Compilation(plain, _describe_ignored_setting(asked, setup.model))
    compiled, reason = _make_compiled_pass(plain, setup)
    if compiled is not None and not reason:
        return Compilation(compiled, "XLA: compiles the forward and backward pass")
    if asked is True or was_compiled:
        raise _refusal(asked, was_compiled, reason)
    return Compilation(plain, f"XLA: not used ({reason})")


def should_compile(
    asked: JitCompile, was_compiled: bool | None, strategy: tf.distribute.Strategy
) -> bool:
    """Returns whether to compile the pass if possible.

    Raises:
        ConfigError: A resumed run was started with another value.
    """
    if was_compiled is not None and asked not in ("auto", was_compiled):
        raise ConfigError(
            message(
                "A run must be resumed with its original `jit_compile`: XLA rounds "
                "differently.",
                "Restore it, or start a new run with another run_dir.",
                was_compiled=was_compiled,
                jit_compile=asked,
            )
        )
    if was_compiled is not None:
        return was_compiled
    return asked is True or (asked == "auto" and _uses_only_gpus(strategy))


def _uses_only_gpus(strategy: tf.distribute.Strategy) -> bool:
    devices = map(tf.DeviceSpec.from_string, strategy.extended.worker_devices)
    return all(device.device_type == "GPU" for device in devices)


def _describe_ignored_setting(asked: JitCompile, model: keras.Model) -> str:
    if asked == "auto" and model.jit_compile:
        return "XLA: not used (trainer.jit_compile decides, not that of model.compile)"
    return ""


def _make_compiled_pass(
    plain: ReplicaPass, setup: TrainingSetup
) -> tuple[CompiledPass | None, str]:
    """Returns the compiled pass, and why it can't be used or an empty string."""
    model, _, strategy, source, seed = setup
    reason = _known_reason(setup)
    element = None if reason else next(iter(first_elements(source)), None)
    if element is None:
        return None, reason or "there is no batch to test it with"
    replicas, num_rows = Replicas.of(strategy), len(tf.nest.flatten(element)[0])
    if num_rows < replicas.total:
        return None, "a batch has fewer rows than there are replicas"
    own = range(replicas.first, replicas.first + replicas.local)
    parts = [
        source.prepare(rows_of(element, replicas.rows(number, num_rows))) for number in own
    ]
    compiled = CompiledPass(plain, model, replicas, num_rows)
    probe = CompiledProbe(compiled, model, strategy, seed)
    return compiled, probe.reason_against(parts)


def _known_reason(setup: TrainingSetup) -> str:
    """Returns why a model can't be compiled, without trying; empty if unknown."""
    specs = tf.nest.flatten(batch_spec(setup.source))
    if not all(spec is None or _has_numbers(spec) for spec in specs):
        return "the data contains strings, or rows of different lengths"
    if not all(spec is None or spec.shape[1:].is_fully_defined() for spec in specs):
        return "the shape of a row is not known before the data is read"
    if setup.strategy.num_replicas_in_sync == 1:
        return ""
    if any(each.trainable and each.synchronized for each in batch_norms(setup.model)):
        return (
            "BatchNorm synchronizes its statistics between replicas unless "
            "trainer.sync_batch_norm is off"
        )
    if held_metrics(setup.model):
        return "layers update metrics of their own, on several replicas"
    return ""


def _has_numbers(spec: Any) -> bool:
    return isinstance(spec, tf.Tensor | tf.TensorSpec) and spec.dtype != tf.string


def _refusal(asked: JitCompile, was_compiled: bool | None, reason: str) -> ConfigError:
    remedy = "Leave it at auto or set it to false."
    if was_compiled:
        remedy = "Resume the run on the machine where it was started, or start a new one."
    return ConfigError(
        message(
            f"The forward and backward pass must be compiled, but is not: {reason}.",
            remedy,
            jit_compile=asked,
        )
    )
