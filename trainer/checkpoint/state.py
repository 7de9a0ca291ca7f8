"""Captures the state of a run for a checkpoint, and restores it.

A checkpoint is a directory such as `checkpoints/step-00000280`. It contains the variables
that training changes, those of the optimizer, the sums of the current epoch, the progress
and settings of the run, and the state of every callback. Frozen variables are written once
per run, into a directory next to it.
"""

import contextlib
import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from ...callbacks import CallbackList, RunState
from ...callbacks.run_progress import RunProgress
from ...core.array_bytes import SupportsArray
from ...core.bundle import Arrays, Bundle
from ...core.errors import CheckpointError, KeraunosError
from ...core.machine import version_of
from ...models.variables import (
    assign_values,
    changing_variables,
    copy_values,
    frozen_variables,
    stable_name,
    value_on_host,
)
from ...strategies.replica_values import assign_replica_values, copy_replica_values
from ..setup.phases import apply_phases
from ..step.fitted_step import FittedStep
from ..step.metric_internals import metric_variables
from ..step.train import TrainStep
from .resume import Resumption

VERSIONED = ("keraunos", "tensorflow", "keras", "numpy")
PROGRESS = tuple(field.name for field in dataclasses.fields(RunProgress))


def capture(run: RunState, step: TrainStep | FittedStep, callbacks: CallbackList) -> Bundle:
    """Copies everything needed to resume a run. All workers must call this.

    Args:
        run: The run to capture.
        step: Holds the sums of the current epoch.
        callbacks: The callbacks whose states are included.
    """
    states, arrays = take_arrays_out(callbacks.state_dict())
    progress = {name: getattr(run, name) for name in PROGRESS}
    if run.is_within_epoch and run.training_metrics is None:
        progress["samples"] += step.totals.read().rows
    # A checkpoint stores averaged weights as the weights of the model, like an export. The
    # trained weights take the place of the averages among the optimizer's variables.
    with run.averages_in_model():
        weights = copy_values(changing_variables(run.model))
        optimizer = copy_values(_optimizer_variables(run.model.optimizer))
    return Bundle(
        arrays={
            "weights": weights,
            "optimizer": optimizer,
            "epoch": step.epoch_values(),
            "metrics": copy_replica_values(run.strategy, _metric_variables(step.model)),
            "callbacks": arrays,
        },
        documents={
            "state": copy.deepcopy(
                progress | {"callbacks": states, "jit_compile": step.is_compiled}
            ),
            "settings": run.settings,
            "versions": _versions(),
        },
    )


def capture_frozen(run: RunState) -> Bundle:
    """Collects the frozen variables, without copying them since they don't change."""
    frozen = frozen_variables(run.model)
    return Bundle(arrays={"weights": {n: value_on_host(v) for n, v in frozen.items()}})


def restore_run(run: RunState, resumption: Resumption) -> None:
    """Restores a run, its model and its optimizer from a checkpoint.

    Raises:
        CheckpointError: The checkpoint belongs to a different model.
    """
    with _converting_mismatches(resumption):
        apply_phases(run, resumption.bundle.documents["state"]["phases"])
    state, arrays = resumption.bundle.documents["state"], resumption.bundle.arrays
    for name in PROGRESS:
        setattr(run, name, state[name])
    if resumption.changes:
        run.stop_reason = None  # it may not apply with the new settings
    run.resumed_from = resumption.path
    with _converting_mismatches(resumption):
        frozen = frozen_variables(run.model)
        saved = resumption.frozen.arrays["weights"]
        if run.phases:  # a phase may have unfrozen some of them
            saved = {name: saved[name] for name in saved if name in frozen}
        assign_values(frozen, saved)
        with run.averages_in_model():
            assign_values(changing_variables(run.model), arrays["weights"])
            restore_optimizer(run, resumption)


def was_compiled(resumption: Resumption | None) -> bool | None:
    """Returns whether XLA compiled the pass of a resumed run; None for a new run."""
    if resumption is None:
        return None
    # Checkpoints of versions that compiled nothing do not mention it.
    return bool(resumption.bundle.documents["state"].get("jit_compile", False))


@contextlib.contextmanager
def _converting_mismatches(resumption: Resumption) -> Iterator[None]:
    """Converts errors of assigning values from a checkpoint into one clear error.

    Raises:
        CheckpointError: The checkpoint does not match the model.
    """
    try:
        yield
    except KeraunosError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise CheckpointError(
            f"The checkpoint {resumption.path} belongs to a different model "
            f"({str(error).rstrip('.')}). Start a new run, or restore the model as it was."
        ) from error


def restore_epoch(
    run: RunState, step: TrainStep | FittedStep, resumption: Resumption
) -> None:
    """Restores the sums and metrics of an epoch in progress."""
    arrays = resumption.bundle.arrays
    with _converting_mismatches(resumption):
        step.restore_epoch(arrays["epoch"])
        for name, variable in _metric_variables(step.model).items():
            assign_replica_values(run.strategy, variable, arrays["metrics"][name])


def restore_optimizer(run: RunState, resumption: Resumption) -> None:
    """Restores the variables of the optimizer, including the learning rate."""
    values = resumption.bundle.arrays["optimizer"]
    with run.averages_in_model():
        assign_values(_optimizer_variables(run.model.optimizer), values)


def restore_callbacks(callbacks: CallbackList, resumption: Resumption) -> None:
    """Restores the states of callbacks."""
    states = resumption.bundle.documents["state"]["callbacks"]
    arrays = resumption.bundle.arrays.get("callbacks", {})
    with _converting_mismatches(resumption):
        callbacks.load_state_dict(put_arrays_back(states, arrays))


def take_arrays_out(state: Any, path: str = "") -> tuple[Any, Arrays]:
    """Separates a nested state into JSON values and arrays.

    Returns:
        The state with `{"array": NAME}` in place of each array, and the arrays.

    Example:
        >>> import numpy as np
        >>> take_arrays_out({"a": 1, "b": np.zeros(2)})
        ({'a': 1, 'b': {'array': 'b'}}, {'b': array([0., 0.])})
    """
    if isinstance(state, SupportsArray):
        return {"array": path}, {path: np.asarray(state)}
    if not isinstance(state, dict):
        return state, {}
    rest: dict[str, Any] = {}
    arrays: Arrays = {}
    for key, value in state.items():
        rest[key], inner = take_arrays_out(value, f"{path}/{key}" if path else key)
        arrays |= inner
    return rest, arrays


def put_arrays_back(state: Any, arrays: Arrays) -> Any:
    """Undoes `take_arrays_out`."""
    if not isinstance(state, dict):
        return state
    if set(state) == {"array"}:
        return arrays[state["array"]]
    return {key: put_arrays_back(value, arrays) for key, value in state.items()}


def _versions() -> dict[str, str]:
    return {name: version_of(name) for name in VERSIONED}


def _optimizer_variables(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    # By position: variable names contain layer names, which Keras numbers per process.
    return {f"{n:05d}": variable for n, variable in enumerate(optimizer.variables)}


def _metric_variables(model: keras.Model) -> dict[str, Any]:
    variables = enumerate(metric_variables(model))
    return {f"{n:05d}/{stable_name(each)}": each.value for n, each in variables}
