"""Reads files of `torch.save` without PyTorch and without executing code."""

import io
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy.typing as npt

from .pickle_machine import PickleMachine, UnsafePickleError
from .stored_array import StoredArray
from .torch_tensors import Storage, elements, read_tensors

MAX_PICKLE_BYTES = 64 * 2**20
# For the format before PyTorch 1.6, which is not a ZIP file.
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
# Names of the weights in files that contain more.
_WRAPPERS = ("state_dict", "model")


def read_torch_file(path: Path) -> dict[str, StoredArray]:
    """Reads a state dict, or the `state_dict` or `model` in a dictionary.

    Args:
        path: A file of `torch.save`, in the ZIP format or the older one.

    Returns:
        The tensors by name. Their values are read on demand.

    Raises:
        UnsafePickleError: The file is damaged or contains anything other than tensors.
        OSError: The file can't be read.
    """
    content = _read_zip(path) if zipfile.is_zipfile(path) else _read_legacy(path)
    return _state_dict(content)


def _state_dict(content: Any) -> dict[str, StoredArray]:
    for name in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict) or not content:
        raise UnsafePickleError("it does not contain a dictionary of tensors")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, StoredArray):
            raise UnsafePickleError(f"it contains {name!r:.80}, which is not a tensor")
    return {name.removeprefix("module."): value for name, value in content.items()}


def _read_zip(path: Path) -> Any:
    with _open_archive(path) as archive:
        entries = _checked_entries(archive, path.stat().st_size)
        folder = _folder_of_pickle(entries)
        if entries[f"{folder}/data.pkl"].file_size > MAX_PICKLE_BYTES:
            raise UnsafePickleError("its pickle is too large for tensors")
        order = f"{folder}/byteorder"
        if order in entries and archive.read(order) != b"little":
            raise UnsafePickleError("its numbers are big-endian")
        pickle = io.BytesIO(archive.read(f"{folder}/data.pkl"))

    def place(storage: Storage) -> str:
        return f"{folder}/data/{storage.key}"

    def read(storage: Storage) -> npt.NDArray[Any]:
        with _open_archive(path) as archive:
            return elements(archive.read(place(storage)), storage)

    content, storages = read_tensors(pickle, read)
    for storage in storages.values():
        entry = entries.get(place(storage))
        if entry is None or entry.file_size != storage.num_bytes:
            raise _wrong_size(storage)
    return content


@contextmanager
def _open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Opens the archive; converts all errors of damaged files to one class."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except UnsafePickleError:
        raise
    except (zipfile.BadZipFile, ValueError, EOFError, struct.error) as error:
        raise UnsafePickleError(f"it is damaged: {error}") from None
    except (NotImplementedError, RuntimeError) as error:  # unsupported ZIP features
        raise UnsafePickleError(f"it was not written by torch.save: {error}") from None


def _checked_entries(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Checks the entries, which PyTorch does not compress, and returns them by name."""
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        if entry.filename in entries:
            raise UnsafePickleError(f"it has the entry {entry.filename!r:.80} twice")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise UnsafePickleError("it is compressed or encrypted")
        if not 0 <= entry.header_offset < size:
            raise UnsafePickleError("it is damaged: an entry lies beyond the file")
        entries[entry.filename] = entry
    if sum(entry.file_size for entry in entries.values()) > size:
        raise UnsafePickleError("its entries claim more bytes than the file has")
    return entries


def _folder_of_pickle(entries: Mapping[str, zipfile.ZipInfo]) -> str:
    folders = [name.split("/")[0] for name in entries if name.endswith("/data.pkl")]
    if len(folders) != 1 or f"{folders[0]}/data.pkl" not in entries:
        raise UnsafePickleError("it was not written by torch.save: it has no data.pkl")
    return folders[0]


def _read_legacy(path: Path) -> Any:
    """Reads the older format: four pickles, the keys of the storages, and the storages."""
    places: dict[str, int] = {}

    def read(storage: Storage) -> npt.NDArray[Any]:
        with path.open("rb") as again:
            again.seek(places[storage.key])
            return elements(again.read(storage.num_bytes), storage)

    with path.open("rb") as file:
        head = io.BytesIO(file.read(MAX_PICKLE_BYTES))
        plain = PickleMachine({}, frozenset(), _reject_storage)
        if plain.run(head) != _MAGIC_NUMBER or plain.run(head) != _PROTOCOL_VERSION:
            raise UnsafePickleError("it was not written by torch.save")
        system = plain.run(head)
        if not isinstance(system, dict) or system.get("little_endian") is not True:
            raise UnsafePickleError("its numbers are big-endian")
        content, storages = read_tensors(head, read)
        keys = plain.run(head)
        if not _are_all_of(keys, storages):
            raise UnsafePickleError("its storages are not those that its tensors need")
        file.seek(head.tell())
        places |= _places(file, [storages[key] for key in keys], path.stat().st_size)
    return content


def _places(file: BinaryIO, storages: list[Storage], end: int) -> dict[str, int]:
    """Finds the position of each storage in a file, after its number of elements."""
    places = {}
    for storage in storages:
        size = int.from_bytes(file.read(8), "little")
        places[storage.key] = file.tell()
        if size != storage.size or file.tell() + storage.num_bytes > end:
            raise UnsafePickleError(
                f"its storage {storage.key} is not as large as it claims"
            )
        file.seek(storage.num_bytes, 1)
    return places


def _are_all_of(keys: Any, storages: Mapping[str, Storage]) -> bool:
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        return False
    return sorted(keys) == sorted(storages)


def _reject_storage(reference: Any) -> Any:
    raise UnsafePickleError("it was not written by torch.save")


def _wrong_size(storage: Storage) -> UnsafePickleError:
    return UnsafePickleError(f"its storage {storage.key} is not as large as it claims")
