"""What a checkpoint holds, and how a run gets it back.

A directory `checkpoints/step-00000280` with the variables that training changes, those
of the optimizer, the sums of the current epoch, and the progress and settings of the
run and the state of every callback. What is frozen is written once per run, beside it.
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
    """Copies all that a run needs to be resumed. All workers must call this.

    Args:
        run: Where it stands.
        step: Holds the sums of the current epoch.
        callbacks: Whose states are kept.
    """
    states, arrays = take_arrays_out(callbacks.state_dict())
    progress = {name: getattr(run, name) for name in PROGRESS}
    if run.is_within_epoch and run.training_metrics is None:
        progress["samples"] += step.totals.read().rows
    # Averages are weights in a checkpoint, as they are in the model that is exported; the
    # weights that train stand in their places among the variables of the optimizer.
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
    """The variables that training leaves alone, which are therefore not copied."""
    frozen = frozen_variables(run.model)
    return Bundle(arrays={"weights": {n: value_on_host(v) for n, v in frozen.items()}})


def restore_run(run: RunState, resumption: Resumption) -> None:
    """Puts a run, its model and its optimizer back to where a checkpoint was taken.

    Raises:
        CheckpointError: The checkpoint is of another model.
    """
    with _fitting(resumption):
        apply_phases(run, resumption.bundle.documents["state"]["phases"])
    state, arrays = resumption.bundle.documents["state"], resumption.bundle.arrays
    for name in PROGRESS:
        setattr(run, name, state[name])
    if resumption.changes:
        run.stop_reason = None  # what ended it may no longer hold
    run.resumed_from = resumption.path
    with _fitting(resumption):
        frozen = frozen_variables(run.model)
        saved = resumption.frozen.arrays["weights"]
        if run.phases:  # what was frozen at first may train by now
            saved = {name: saved[name] for name in saved if name in frozen}
        assign_values(frozen, saved)
        with run.averages_in_model():
            assign_values(changing_variables(run.model), arrays["weights"])
            restore_optimizer(run, resumption)


def was_compiled(resumption: Resumption | None) -> bool | None:
    """Whether XLA compiled the pass of a run that is resumed; None for a new run."""
    if resumption is None:
        return None
    # Checkpoints of versions that compiled nothing do not mention it.
    return bool(resumption.bundle.documents["state"].get("jit_compile", False))


@contextlib.contextmanager
def _fitting(resumption: Resumption) -> Iterator[None]:
    """Answers where what a checkpoint holds is not what this run has a place for.

    Raises:
        CheckpointError: In place of what was raised within.
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
    """Gives sums and metrics of the epoch that a run is within their values back."""
    arrays = resumption.bundle.arrays
    with _fitting(resumption):
        step.restore_epoch(arrays["epoch"])
        for name, variable in _metric_variables(step.model).items():
            assign_replica_values(run.strategy, variable, arrays["metrics"][name])


def restore_optimizer(run: RunState, resumption: Resumption) -> None:
    """Gives the optimizer of a run its variables back, the learning rate among them."""
    values = resumption.bundle.arrays["optimizer"]
    with run.averages_in_model():
        assign_values(_optimizer_variables(run.model.optimizer), values)


def restore_callbacks(callbacks: CallbackList, resumption: Resumption) -> None:
    """Gives callbacks their states back."""
    states = resumption.bundle.documents["state"]["callbacks"]
    arrays = resumption.bundle.arrays.get("callbacks", {})
    with _fitting(resumption):
        callbacks.load_state_dict(put_arrays_back(states, arrays))


def take_arrays_out(state: Any, path: str = "") -> tuple[Any, Arrays]:
    """Parts a nested state into JSON values and arrays.

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
    # By number alone: their names hold those of layers, which Keras counts per process.
    return {f"{n:05d}": variable for n, variable in enumerate(optimizer.variables)}


def _metric_variables(model: keras.Model) -> dict[str, Any]:
    variables = enumerate(metric_variables(model))
    return {f"{n:05d}/{stable_name(each)}": each.value for n, each in variables}
