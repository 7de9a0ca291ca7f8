"""Checks before the first step whether XLA compiles a pass and computes the same."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...models.variables import value_on_host
from ...strategies import Replicas, workers_of
from ...strategies.tensorflow_internals import functions_run_eagerly, trace
from ..step.compiled_pass import CompiledPass
from ..step.detached_pass import Outputs
from ..step.keras_internals import recurrences_in_functions
from ..step.lookups import joined
from ..step.replica_pass import Batch
from ..step.seeds import set_seeds
from .plain_variables import PlainVariables
from .rounding import FLOORS, SAFETY, Rounding, distance

_CAUSES = ", for example because XLA draws other random numbers or has a bug"
# With known shapes, it can't be traced back which lookups depend on the rows of a batch.
_LOOKUPS = "it looks up rows of a table, as Embedding does, on several replicas"
_MAX_CHARACTERS = 200  # of a message of TensorFlow or Keras


class CompiledProbe:
    """Runs the parts of one full batch with and without XLA.

    Dropout stays on, since XLA must draw the same masks. No variable of the model changes.

    Args:
        compiled: The pass to check.
        model: The model of that pass, built and compiled.
        strategy: The strategy in whose scope the model was built.
        seed: Seed of dropout and other random layers.
    """

    def __init__(
        self,
        compiled: CompiledPass,
        model: keras.Model,
        strategy: tf.distribute.Strategy,
        seed: int,
    ) -> None:
        self._compiled = compiled
        self._model = model
        self._strategy = strategy
        self._seed = seed
        self._first = Replicas.of(strategy).first
        self._rounding = Rounding(model)
        self._plain_variables = PlainVariables(model, strategy)

    def reason_against(self, parts: Sequence[Batch]) -> str:
        """Returns why a model can't be trained with XLA. All workers must call this.

        Args:
            parts: The parts of a full batch, one for each replica of this process.

        Returns:
            The reason, or an empty string.
        """
        reasons = workers_of(self._strategy).gather(self._reason_on_this_worker(parts))
        return next(filter(None, reasons), "")

    def _reason_on_this_worker(self, parts: Sequence[Batch]) -> str:
        try:
            plain = self._run_uncompiled(parts)
        except Exception as error:  # training raises it again unless the trial caused it
            return f"a trial without XLA failed: {reason_of(error)}"
        if self._strategy.num_replicas_in_sync > 1 and _has_lookups(plain):
            return _LOOKUPS
        try:
            compiled = self._local_outputs(trace(self._run_compiled)(parts))
        except Exception as error:  # by XLA, or by the model while it is traced
            return f"XLA can't compile it: {reason_of(error)}"
        finally:
            self._plain_variables.put_back()
        return self._difference(plain, compiled, parts)

    def _difference(
        self, plain: list[Outputs], compiled: list[Outputs], parts: Sequence[Batch]
    ) -> str:
        """Returns what differs with XLA by more than rounding explains, or nothing."""
        floor = self._rounding_floor()
        if not _first_differing_group(plain, compiled, plain, floor):
            return ""
        if _first_differing_group(plain, self._run_uncompiled(parts), plain, floor):
            return "it draws random numbers that do not depend on a seed"
        name = _first_differing_group(plain, compiled, self._run_nudged(parts), floor)
        return f"{name} differ with XLA{_CAUSES}" if name else ""

    def _run_uncompiled(self, parts: Sequence[Batch]) -> list[Outputs]:
        """Runs the pass without XLA; eagerly, since tracing would take longer."""

        def on_replica() -> Outputs:
            set_seeds(self._model, self._seed, tf.zeros((), tf.int64))
            return self._compiled.uncompiled(self._own_part(parts))

        try:
            with functions_run_eagerly(), recurrences_in_functions():
                return self._local_outputs(self._strategy.run(on_replica))
        finally:
            self._plain_variables.put_back()

    def _run_compiled(self, parts: Sequence[Batch]) -> Any:
        # Within a function as in training, so that the program is compiled only once.
        return self._strategy.run(lambda: self._compiled.compiled(self._own_part(parts)))

    def _run_nudged(self, parts: Sequence[Batch]) -> list[Outputs]:
        """Runs the pass with the last bits of the batch and of all weights changed."""
        variables = self._model.trainable_variables
        kept = [np.array(value_on_host(each)) for each in variables]
        try:
            for variable, value in zip(variables, kept, strict=True):
                variable.assign(self._rounding.nudged(tf.constant(value), seed=1))
            return self._run_uncompiled([self._rounding.nudged(part) for part in parts])
        finally:
            for variable, value in zip(variables, kept, strict=True):
                variable.assign(value)

    def _own_part(self, parts: Sequence[Batch]) -> Batch:
        context = tf.distribute.get_replica_context()
        number = int(tf.get_static_value(context.replica_id_in_sync_group))
        return parts[number - self._first]

    def _local_outputs(self, outputs: Any) -> list[Outputs]:
        return list(self._strategy.experimental_local_results(outputs))

    def _rounding_floor(self) -> float:
        devices = self._strategy.extended.worker_devices
        return floor_of(self._rounding.dtype, any("GPU" in each for each in devices))


def floor_of(dtype: str, on_gpu: bool) -> float:
    """Returns the relative difference that is ignored.

    Args:
        dtype: Name of the dtype that the model computes in.
        on_gpu: Whether the model runs on a GPU, where float32 may be multiplied as
            TensorFloat-32, which is as precise as float16.

    Example:
        >>> floor_of("float32", on_gpu=False)
        0.0001
    """
    is_rounded = on_gpu and tf.config.experimental.tensor_float_32_execution_enabled()
    return FLOORS["float16" if dtype == "float32" and is_rounded else dtype]


def reason_of(error: Exception) -> str:
    """Returns the part of an error message of XLA or Keras that helps users."""
    text = str(error)
    found = re.search(r"unsupported operations.*?: (\w+) \(", text, re.DOTALL)
    if found:
        return f"it has no operation {found[1]}"
    if "merge_call" in text:
        return "the model or its loss sums over replicas"
    plain = re.sub(r"\x1b\[\d+m", "", text).splitlines()
    lines = [line.strip() for line in plain if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Exception encountered when calling"):
        del lines[0]  # Keras puts this line before the cause
    first = lines[0] if lines else type(error).__name__
    return first[:_MAX_CHARACTERS].rstrip(".")


def _first_differing_group(
    plain: Sequence[Outputs],
    compiled: Sequence[Outputs],
    nudged: Sequence[Outputs],
    floor: float,
) -> str:
    """Returns the name of the first group of values that differs on a replica, or nothing.

    All values of a group are compared as one vector, since a ReLU that rounding turns off
    changes single entries by much.
    """
    for one, other, noisy in zip(plain, compiled, nudged, strict=True):
        groups = zip(_groups(one), _groups(other), _groups(noisy), strict=True)
        for (name, expected), (_, got), (_, noise) in groups:
            allowed = floor * _norm(expected) + SAFETY * _total_distance(expected, noise)
            if _total_distance(expected, got) > allowed:
                return name
    return ""


def _groups(outputs: Outputs) -> Iterator[tuple[str, list[Any]]]:
    result, updates = outputs
    yield "losses", _arrays([result.numerators, result.denominators, result.values])
    yield "gradients", _arrays([_as_dense(each) for each in result.gradients.values()])
    yield "outputs", _arrays(result.predictions)
    yield "variables that layers write", _arrays(updates)


def _arrays(structure: Any) -> list[Any]:
    flat = tf.nest.flatten(structure, expand_composites=True)
    return [np.asarray(each, np.float64) for each in flat if each is not None]


def _has_lookups(outputs: Sequence[Outputs]) -> bool:
    flat = tf.nest.flatten([each.result.gradients for each in outputs])
    return any(isinstance(each, tf.IndexedSlices) for each in flat)


def _as_dense(gradients: list[Any]) -> list[Any]:
    return [
        each if each is None else tf.convert_to_tensor(each) for each in joined(gradients)
    ]


def _norm(arrays: Sequence[Any]) -> float:
    finite = [np.where(np.isfinite(each), each, 0.0) for each in arrays]
    return float(np.linalg.norm([np.linalg.norm(each) for each in finite]))


def _total_distance(first: Sequence[Any], second: Sequence[Any]) -> float:
    pairs = zip(first, second, strict=True)
    return float(np.linalg.norm([np.linalg.norm(distance(a, b)) for a, b in pairs]))
