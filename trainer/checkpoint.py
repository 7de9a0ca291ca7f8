"""What a checkpoint holds.

A directory `checkpoints/step-00000280` with the variables that training changes, those
of the optimizer, and the position, history and state of every callback. What is frozen
is written once per run, beside it, and referred to by its fingerprint.
"""

from importlib import metadata
from pathlib import Path
from typing import Any

import keras

from ..callbacks import CallbackList, RunState
from ..callbacks.model_checkpoint import checkpoint_name
from ..core.bundle import Arrays, Bundle, write_bundle
from ..models.variables import changing_variables, copy_values, frozen_variables

FROZEN = "frozen"
VERSIONED = ("keraunos", "tensorflow", "keras", "numpy")


def save_checkpoint(run: RunState, callbacks: CallbackList) -> Path:
    """Writes the state of a run.

    Returns:
        The directory of the checkpoint.
    """
    directory = run.checkpoint_dir
    if directory is None:
        raise ValueError("A run without a directory can't be saved.")
    _write_frozen_once(run.model, directory)
    path = directory / checkpoint_name(run.step)
    write_bundle(path, capture(run, callbacks))
    return path


def capture(run: RunState, callbacks: CallbackList) -> Bundle:
    """Copies all that a run needs to go on."""
    states, arrays = take_arrays_out(callbacks.state_dict())
    return Bundle(
        arrays={
            "weights": copy_values(changing_variables(run.model)),
            "optimizer": _optimizer_values(run.model.optimizer),
            "callbacks": arrays,
        },
        documents={
            "state": {
                "epoch": run.epoch,
                "step": run.step,
                "epoch_step": run.epoch_step,
                "history": run.history,
                "callbacks": states,
                "versions": {name: metadata.version(name) for name in VERSIONED},
            }
        },
    )


def take_arrays_out(state: Any, path: str = "") -> tuple[Any, Arrays]:
    """Parts a nested state into what JSON can hold and arrays.

    Returns:
        The state with `{"array": NAME}` in place of each array, and the arrays.

    Example:
        >>> import numpy as np
        >>> take_arrays_out({"a": 1, "b": np.zeros(2)})
        ({'a': 1, 'b': {'array': 'b'}}, {'b': array([0., 0.])})
    """
    if hasattr(state, "__array__"):
        return {"array": path}, {path: state}
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


def _optimizer_values(optimizer: keras.optimizers.Optimizer) -> Arrays:
    return copy_values({f"{n:05d}/{v.name}": v for n, v in enumerate(optimizer.variables)})


def _write_frozen_once(model: keras.Model, directory: Path) -> None:
    frozen = frozen_variables(model)
    if frozen and not (directory / FROZEN).exists():
        write_bundle(directory / FROZEN, Bundle(arrays={"weights": copy_values(frozen)}))
