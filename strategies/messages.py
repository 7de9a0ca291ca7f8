"""Messages between workers: JSON and arrays, nothing that could run code."""

import json
import socket
import struct
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

_MAGIC = b"KRN1"
_HEADER = struct.Struct("!4sI")
_ARRAY = "__array__"


class Readable(Protocol):
    """Where bytes come from: a socket, for one."""

    def recv_into(self, buffer: memoryview, /) -> int:
        """Fills a part of the buffer, and tells how much; 0 at the end."""


def send(connection: socket.socket, value: Any) -> None:
    """Sends what JSON can hold, with arrays at any place in it.

    Raises:
        OSError: The other end is gone.
    """
    arrays: list[npt.NDArray[Any]] = []
    text = json.dumps(_take_out(value, arrays)).encode()
    connection.sendall(_HEADER.pack(_MAGIC, len(text)) + text)
    for array in arrays:
        connection.sendall(array.reshape(-1).view(np.uint8).data)


def receive(connection: Readable) -> Any:
    """Waits for a message.

    Raises:
        EOFError: The other end has closed the connection.
        OSError: The connection is broken, or what comes is no message.
    """
    magic, length = _HEADER.unpack(_read(connection, _HEADER.size))
    if magic != _MAGIC:
        raise OSError("this is not a worker of Keraunos")
    return _put_back(json.loads(bytes(_read(connection, length))), connection)


def _read(connection: Readable, size: int) -> bytearray:
    buffer = bytearray(size)
    view = memoryview(buffer)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            raise EOFError("the connection was closed")
        view = view[count:]
    return buffer


def _take_out(value: Any, arrays: list[npt.NDArray[Any]]) -> Any:
    if hasattr(value, "__array__"):
        array = np.ascontiguousarray(value)
        arrays.append(array)
        return {_ARRAY: [array.dtype.name, list(np.shape(value))]}
    if isinstance(value, dict):
        return {str(key): _take_out(each, arrays) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_take_out(each, arrays) for each in value]
    return value


def _put_back(value: Any, connection: Readable) -> Any:
    """Reads arrays in the order in which they were taken out."""
    if isinstance(value, list):
        return [_put_back(each, connection) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {_ARRAY}:
        return {key: _put_back(each, connection) for key, each in value.items()}
    name, shape = value[_ARRAY]
    dtype = np.dtype(name)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    return np.frombuffer(_read(connection, size), dtype).reshape(shape)
