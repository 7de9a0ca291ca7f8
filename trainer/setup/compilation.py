"""Decides whether the forward and backward pass of a model is compiled by XLA."""

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

Asked = Literal["auto"] | bool


class Compilation(NamedTuple):
    """How a model is run forward and backward.

    Attributes:
        replica_pass: Compiled or not.
        line: The announcement; empty if nothing was requested.
    """

    replica_pass: ReplicaPass | CompiledPass
    line: str


class TrainingSetup(NamedTuple):
    """What is trained, where, and on what."""

    model: keras.Model
    module: Module
    strategy: tf.distribute.Strategy
    source: BatchSource
    seed: int


def choose_pass(asked: Asked, begun: bool | None, setup: TrainingSetup) -> Compilation:
    """Compiles the pass if that is wanted and can be done exactly. All workers must call.

    Args:
        asked: `trainer.jit_compile`.
        begun: Whether the run that is resumed was compiled; None for a new one.
        setup: The model, and all around it.

    Raises:
        ConfigError: It has to be compiled and can't be, or the run was begun otherwise.
    """
    wanted = is_wanted(asked, begun, setup.strategy)
    plain = ReplicaPass(setup.model, setup.module, setup.strategy.num_replicas_in_sync)
    if not wanted:
        return Compilation(plain, _not_wanted(asked, setup.model))
    compiled, reason = _compiled(plain, setup)
    if compiled is not None and not reason:
        return Compilation(compiled, "XLA: compiles the forward and backward pass")
    if asked is True or begun:
        raise _refusal(asked, begun, reason)
    return Compilation(plain, f"XLA: not used ({reason})")


def is_wanted(asked: Asked, begun: bool | None, strategy: tf.distribute.Strategy) -> bool:
    """Whether to compile if that can be done.

    Raises:
        ConfigError: A resumed run was started with another value.
    """
    if begun is not None and asked not in ("auto", begun):
        raise ConfigError(
            message(
                "A run must be resumed with its original `jit_compile`: XLA rounds "
                "differently.",
                "Restore it, or start a new run with another run_dir.",
                begun=begun,
                jit_compile=asked,
            )
        )
    if begun is not None:
        return begun
    return asked is True or (asked == "auto" and _on_gpus(strategy))


def _on_gpus(strategy: tf.distribute.Strategy) -> bool:
    devices = map(tf.DeviceSpec.from_string, strategy.extended.worker_devices)
    return all(device.device_type == "GPU" for device in devices)


def _not_wanted(asked: Asked, model: keras.Model) -> str:
    if asked == "auto" and model.jit_compile:
        return "XLA: not used (trainer.jit_compile decides, not that of model.compile)"
    return ""


def _compiled(plain: ReplicaPass, setup: TrainingSetup) -> tuple[CompiledPass | None, str]:
    """The compiled pass, and why it can't be used."""
    model, _, strategy, source, seed = setup
    reason = _known_reason(setup)
    element = None if reason else next(iter(first_elements(source)), None)
    if element is None:
        return None, reason or "there is no batch to try it on"
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
    """Why a model can't be compiled, as far as that is known without trying."""
    specs = tf.nest.flatten(batch_spec(setup.source))
    if not all(spec is None or _has_numbers(spec) for spec in specs):
        return "the data contains strings, or rows of different lengths"
    if not all(spec is None or spec.shape[1:].is_fully_defined() for spec in specs):
        return "the shape of a row is not known before the data is read"
    if setup.strategy.num_replicas_in_sync == 1:
        return ""
    if any(each.trainable and each.synchronized for each in batch_norms(setup.model)):
        return (
            "BatchNorm shares its statistics between replicas; "
            "trainer.sync_batch_norm=false ends that"
        )
    if held_metrics(setup.model):
        return "layers update metrics of their own, on several replicas"
    return ""


def _has_numbers(spec: Any) -> bool:
    return isinstance(spec, tf.Tensor | tf.TensorSpec) and spec.dtype != tf.string


def _refusal(asked: Asked, begun: bool | None, reason: str) -> ConfigError:
    remedy = "Leave it at auto or set it to false."
    if begun:
        remedy = "Resume the run where it was started, or start a new one."
    return ConfigError(
        message(
            f"The forward and backward pass must be compiled, but is not: {reason}.",
            remedy,
            jit_compile=asked,
        )
    )
