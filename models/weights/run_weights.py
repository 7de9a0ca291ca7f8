"""Reads the weights of a backbone from a run directory."""

import re
from pathlib import Path

import keras

from ...core.run_layout import CONFIG_FILE
from ..checkpoint_weights import read_weights
from ..variables import stable_name
from .origins import model_section, run_of
from .stored_array import (
    OtherNetworkError,
    StoredArrays,
    in_memory,
    require_same,
    shapes_of,
)

_NUMBERED = re.compile(r"\d{5}/.+")


def load_checkpoint(network: keras.Model, checkpoint: Path) -> None:
    """Loads the weights of a checkpoint, including frozen ones, into a network.

    Raises:
        OtherNetworkError: The weights belong to another network.
        CheckpointError: The checkpoint is damaged.
    """
    held = read_weights(checkpoint)
    assign_numbered(network, {name: in_memory(each) for name, each in held.items()})


def require_backbone(path: Path, backbone: str) -> None:
    """Checks that the run of a model or checkpoint trained a certain backbone.

    Does not import anything that its configuration refers to.

    Args:
        path: A directory or a file; paths outside of runs are accepted.
        backbone: The expected `model.backbone`.

    Raises:
        OtherNetworkError: The run trained another network.
        UnreadableWeightsError: Its configuration is damaged.
    """
    trained = _backbone_of(run_of(path) / CONFIG_FILE)
    if trained not in (None, backbone):
        raise OtherNetworkError(f"the run trained {trained}")


def _backbone_of(file: Path) -> str | None:
    """Returns the backbone or builder in a configuration, or None."""
    model = model_section(file)
    if model.get("builder") is not None:
        return f"a model that {model['builder']} built"
    backbone = model.get("backbone")
    return None if backbone is None else str(backbone)


def is_numbered(arrays: StoredArrays) -> bool:
    """Returns whether the arrays have the names of checkpoints: `00012/kernel`."""
    return any(_NUMBERED.fullmatch(name) for name in arrays)


def assign_numbered(network: keras.Model, arrays: StoredArrays) -> None:
    """Assigns the first weights of a model, those of its backbone, to a network.

    Raises:
        OtherNetworkError: The weights belong to another network, or some are missing.
    """
    variables = {f"{n:05d}/{stable_name(v)}": v for n, v in enumerate(network.weights)}
    paths = {name: f"{v.path} (number {int(name[:5])})" for name, v in variables.items()}
    wanted = {name: tuple(variable.shape) for name, variable in variables.items()}
    if not wanted.keys() & arrays.keys():
        raise OtherNetworkError(
            "it contains the weights of a head only; the run directory has the others"
        )
    require_same(
        shapes_of(arrays),
        wanted,
        is_ignored=lambda name: name[:5].isdigit() and int(name[:5]) >= len(variables),
        label=lambda name: paths.get(name, name),
    )
    for name, variable in variables.items():
        variable.assign(arrays[name].read())
