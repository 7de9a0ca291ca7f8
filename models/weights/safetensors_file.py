"""Reads safetensors files, which can't contain code."""

from pathlib import Path
from typing import Any

import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from .stored_array import StoredArray, UnreadableWeightsError


def read_safetensors(path: Path) -> dict[str, StoredArray]:
    """Returns the arrays of a file by name; their values are read on demand.

    Raises:
        UnreadableWeightsError: The file is damaged.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: _array(path, file, name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise UnreadableWeightsError(f"it is damaged: {error}") from None


def _array(path: Path, file: Any, name: str) -> StoredArray:
    def read() -> npt.NDArray[Any]:
        with safe_open(path, framework="numpy") as again:
            return again.get_tensor(name)

    return StoredArray(tuple(file.get_slice(name).get_shape()), read)
