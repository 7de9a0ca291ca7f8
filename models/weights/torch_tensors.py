"""Reads the description of tensors in a PyTorch state dict, checked before reading them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from .pickle_machine import Name, PickleMachine, UnsafePickleError
from .stored_array import StoredArray

# Storage classes and the dtypes of their elements on disk.
STORAGES = {
    "torch DoubleStorage": "<f8",
    "torch FloatStorage": "<f4",
    "torch HalfStorage": "<f2",
    "torch BFloat16Storage": "<u2",
    "torch LongStorage": "<i8",
    "torch IntStorage": "<i4",
    "torch ShortStorage": "<i2",
    "torch CharStorage": "<i1",
    "torch ByteStorage": "<u1",
    "torch BoolStorage": "<u1",
}
_BFLOAT16 = "torch BFloat16Storage"
_MAX_DIMENSIONS = 8

Read = Callable[[], npt.NDArray[Any]]


@dataclass(frozen=True)
class Storage:
    """A flat array that tensors are views of.

    Attributes:
        kind: One of `STORAGES`.
        key: Key of the storage in the file.
        size: Number of elements according to the pickle.
    """

    kind: str
    key: str
    size: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of its elements on disk."""
        return np.dtype(STORAGES[self.kind])

    @property
    def num_bytes(self) -> int:
        """The size on disk in bytes."""
        return self.size * self.dtype.itemsize


def read_tensors(
    file: BinaryIO, read: Callable[[Storage], npt.NDArray[Any]]
) -> tuple[Any, dict[str, Storage]]:
    """Reads a pickle; tensors are returned as `StoredArray`.

    Args:
        file: A file positioned at the beginning of the pickle; afterwards at its end.
        read: Returns the elements of a storage; called when a tensor is read.

    Returns:
        The content of the pickle, and its storages by key.

    Raises:
        UnsafePickleError: It is damaged or contains anything other than tensors.
    """
    storages: dict[str, Storage] = {}

    def refer(reference: Any) -> Storage:
        storage = _storage(reference)
        if storages.setdefault(storage.key, storage) != storage:
            raise UnsafePickleError(f"it describes the storage {storage.key} in two ways")
        return storage

    def rebuild(
        storage: Any, offset: Any, shape: Any, strides: Any, *_: Any
    ) -> StoredArray:
        if not isinstance(storage, Storage):
            raise UnsafePickleError("it is damaged: a tensor without a storage")
        _check_view(storage, offset, shape, strides)
        return StoredArray(shape, lambda: _view(read(storage), offset, shape, strides))

    functions: dict[str, Callable[..., Any]] = {
        "torch._utils _rebuild_tensor_v2": rebuild,
        "torch._utils _rebuild_parameter": _parameter,
        "collections OrderedDict": lambda: {},
    }
    content = PickleMachine(functions, frozenset(STORAGES), refer).run(file)
    return content, storages


def _parameter(tensor: Any, *_: Any) -> StoredArray:
    if not isinstance(tensor, StoredArray):
        raise UnsafePickleError("it is damaged: a parameter without a tensor")
    return tensor


def _storage(reference: Any) -> Storage:
    """Converts `("storage", kind, key, device, number of elements)` to a storage."""
    if not isinstance(reference, tuple) or len(reference) not in (5, 6):
        raise UnsafePickleError("it is damaged: a storage is described in another way")
    tag, kind, key, _, size, *view = reference
    is_known = tag == "storage" and isinstance(kind, Name) and kind.text in STORAGES
    if not is_known or view not in ([], [None]):
        raise UnsafePickleError("it has a storage of an unknown kind")
    if not isinstance(key, str) or not (key.isascii() and key.isdigit()):
        raise UnsafePickleError("it has a storage whose key is not a number")
    if not _are_sizes((size,)):
        raise UnsafePickleError("it has a storage whose size is not a number")
    return Storage(kind.text, key, size)


def _check_view(storage: Storage, offset: Any, shape: Any, strides: Any) -> None:
    """Rejects a tensor that exceeds its storage."""
    is_described = (
        isinstance(shape, tuple)
        and isinstance(strides, tuple)
        and len(shape) == len(strides) <= _MAX_DIMENSIONS
        and _are_sizes((offset, *shape, *strides))
    )
    if not is_described:
        raise UnsafePickleError("it has a tensor whose shape or strides are not sizes")
    steps = zip(shape, strides, strict=True)
    last = offset + sum((size - 1) * stride for size, stride in steps)
    elements = math.prod(shape)
    if elements and (last >= storage.size or elements > storage.size):
        raise UnsafePickleError("it has a tensor that reaches beyond its storage")


def _are_sizes(values: tuple[Any, ...]) -> bool:
    return all(type(value) is int and 0 <= value < 2**48 for value in values)


def _view(
    flat: npt.NDArray[Any], offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> npt.NDArray[Any]:
    if not math.prod(shape):
        return np.zeros(shape, flat.dtype)
    steps = tuple(stride * flat.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(flat[offset:], shape, steps).copy()


def elements(data: bytes, storage: Storage) -> npt.NDArray[Any]:
    """Decodes the elements of a storage; bfloat16 becomes float32."""
    flat = np.frombuffer(data, storage.dtype)
    if storage.kind == _BFLOAT16:  # the upper halves of float32
        return (flat.astype("<u4") << 16).view("<f4")
    return flat
