"""Reads weights from files of Keras: `.weights.h5`, older `.h5`, and `.keras`.

Only the weights of a `.keras` file are read, not its configuration, which could refer to
code.
"""

import io
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras

from ...core.plain_hdf5 import find_nonplain_members
from .stored_array import UnreadableWeightsError, require_same

_WEIGHTS = "model.weights.h5"  # in a `.keras` file
_LAYER_NAMES = "layer_names"  # an attribute of files before Keras 3


def load_keras_file(network: keras.Model, path: Path) -> None:
    """Loads the weights of a file with the network, or with a model that contains it.

    Raises:
        OtherNetworkError: The weights belong to another network.
        UnreadableWeightsError: The file is damaged, or refers to other files.
    """
    with _weights_of(path) as file:
        found = sorted(find_nonplain_members(file))
        if found:
            raise UnreadableWeightsError(
                f"it has weights that are linked, external or compressed: {found[0]}"
            )
        with (
            h5py.File(file, "r") as opened,
            tempfile.TemporaryDirectory(prefix="keraunos-weights-") as folder,
        ):
            if _LAYER_NAMES in opened.attrs:
                network.load_weights(path)
            else:
                _load(network, opened, Path(folder))


@contextmanager
def _weights_of(path: Path) -> Iterator[Any]:
    """Yields the HDF5 file, or the one within a `.keras` file."""
    try:
        if path.suffix != ".keras":
            yield path
            return
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(_WEIGHTS)
            if entry.file_size > path.stat().st_size:
                raise UnreadableWeightsError("it is compressed, unlike files of Keras")
            content = archive.read(entry)
        yield io.BytesIO(content)
    except UnreadableWeightsError:
        raise
    except (zipfile.BadZipFile, KeyError, OSError, EOFError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise UnreadableWeightsError(f"it is damaged: {error}") from None


def _load(network: keras.Model, opened: Any, folder: Path) -> None:
    """Finds the part of the file that matches the network, and loads it."""
    own, part = folder / "own.weights.h5", folder / "part.weights.h5"
    network.save_weights(own)
    with h5py.File(own, "r") as file:
        wanted = _shapes(file)
        names = {path: _name(file, path) for path in wanted}
    parts = {each: _shapes(each) for each in _candidates(opened)}
    group = max(parts, key=lambda each: len(parts[each].keys() & wanted.keys()))
    require_same(
        parts[group], wanted, label=lambda path: names.get(path) or _name(group, path)
    )
    with h5py.File(part, "w") as file:
        for name in group:
            group.copy(name, file)
    network.load_weights(part)


def _candidates(opened: Any) -> Iterator[Any]:
    """Yields the root of a file, and each nested model."""
    yield opened
    for layer in opened.get("layers", {}).values():
        if isinstance(layer, h5py.Group) and "layers" in layer:
            yield layer


def _shapes(group: Any) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the arrays below a group, by path."""
    found: dict[str, tuple[int, ...]] = {}

    def note(path: str, member: Any) -> None:
        if isinstance(member, h5py.Dataset):
            found[path] = member.shape

    group.visititems(note)
    return found


def _name(group: Any, path: str) -> str:
    """Returns the layer name of an array in the file, and its number."""
    parent, _, number = path.rpartition("/")
    return f"{group[parent].attrs.get('name', parent)!s:.100}/{number}"
