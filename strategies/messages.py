"""Authenticated messages between workers: JSON and arrays, which can't execute code.

Each part of a message is followed by an HMAC-SHA256 code of its bytes and its number, with
a key that only the two ends of the connection have. Changed, forged, repeated and dropped
messages are therefore detected. Messages are not encrypted.
"""

import hmac
import json
import math
import socket
import struct
import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ..core.array_bytes import SupportsArray

CODE_BYTES = 32
MAX_TEXT_BYTES = 1 << 26  # of the JSON, which contains the sizes of arrays
_LENGTH = struct.Struct("!I")
_ARRAY = "__array__"

T = TypeVar("T")
# Yields the number of bytes that it needs next and is sent these bytes, so that blocking
# and non-blocking readers can share it.
Reading = Generator[int, bytearray, T]


class Keys(NamedTuple):
    """The keys that authenticate messages in each direction."""

    send: bytes
    receive: bytes


class Channel:
    """An authenticated connection between two workers.

    Args:
        connection: A connected socket with no pending data.
        keys: The keys of this end; the other end has them swapped.

    Attributes:
        heard_at: The `time.monotonic` time when the last bytes arrived; updated while a
            large message is received.

    Example:
        >>> ours, theirs = socket.socketpair()
        >>> Channel(ours, Keys(b"a", b"b")).send({"rank": 1})
        >>> Channel(theirs, Keys(b"b", b"a")).receive()
        {'rank': 1}
    """

    def __init__(self, connection: socket.socket, keys: Keys) -> None:
        self._connection = connection
        self._sent, self._received = _CodeSequence(keys.send), _CodeSequence(keys.receive)
        self.heard_at = time.monotonic()

    def send(self, value: Any) -> None:
        """Sends JSON-serializable values, which may contain arrays.

        Raises:
            OSError: The connection is broken.
        """
        arrays: list[npt.NDArray[Any]] = []
        text = json.dumps(_extract_arrays(value, arrays)).encode()
        self._connection.sendall(_LENGTH.pack(len(text)) + text + self._sent.next(text))
        if arrays:
            parts = [array.reshape(-1).view(np.uint8).data for array in arrays]
            for part in parts:
                self._connection.sendall(part)
            self._connection.sendall(self._sent.next(*parts))

    def receive(self, deadline: float | None = None) -> Any:
        """Waits for a message.

        Args:
            deadline: Deadline for the whole message as `time.monotonic` time, or None.

        Raises:
            EOFError: The other end has closed the connection.
            OSError: The connection is broken, the deadline has passed, or the message is
                invalid or was changed.
        """
        return read_all(self._connection, self.reading(), deadline, self._record_receipt)

    def reading(self, max_text_bytes: int = MAX_TEXT_BYTES) -> Reading[Any]:
        """Reads a message in steps, as a generator; see `Reading`."""
        (length,) = _LENGTH.unpack((yield _LENGTH.size))
        if length > max_text_bytes:
            raise OSError(f"a message of {length} bytes is too long")
        text = yield length
        self._received.check((yield CODE_BYTES), text)
        parts: list[bytearray] = []
        try:
            value = yield from _restore_arrays(json.loads(bytes(text)), parts)
        except (ValueError, TypeError, RecursionError) as error:
            raise OSError(f"a message is invalid ({error})") from None
        if parts:
            self._received.check((yield CODE_BYTES), *parts)
        return value

    def fileno(self) -> int:
        """Returns the file descriptor of the connection."""
        return self._connection.fileno()

    def settimeout(self, seconds: float | None) -> None:
        """Sets the timeout of sending, in seconds."""
        self._connection.settimeout(seconds)

    def shutdown(self) -> None:
        """Shuts down the connection, which wakes threads that wait on it."""
        self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the file descriptor."""
        self._connection.close()

    def _record_receipt(self) -> None:
        self.heard_at = time.monotonic()


class _CodeSequence:
    """Computes the codes of consecutive parts in one direction."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._count = 0

    def next(self, *parts: Any) -> bytes:
        code = hmac.new(self._key, self._count.to_bytes(8, "big"), "sha256")
        for part in parts:
            code.update(part)
        self._count += 1
        return code.digest()

    def check(self, code: bytearray, *parts: bytearray) -> None:
        if not hmac.compare_digest(bytes(code), self.next(*parts)):
            raise OSError("a message was changed in transit or forged")


def read_all(
    connection: socket.socket,
    reading: Reading[T],
    deadline: float | None = None,
    on_bytes: Callable[[], None] = lambda: None,
) -> T:
    """Runs a `Reading` on a blocking connection, with a deadline for all of it."""
    try:
        buffer = _read(connection, next(reading), deadline, on_bytes)
        while True:
            buffer = _read(connection, reading.send(buffer), deadline, on_bytes)
    except StopIteration as done:
        return done.value


def _read(
    connection: socket.socket,
    size: int,
    deadline: float | None,
    on_bytes: Callable[[], None],
) -> bytearray:
    buffer = bytearray(size)
    left = memoryview(buffer)
    while left:
        if deadline is not None:
            connection.settimeout(_seconds_left(deadline))
        count = connection.recv_into(left)
        if count == 0:
            raise EOFError("the connection was closed")
        on_bytes()
        left = left[count:]
    return buffer


def _seconds_left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the deadline has passed")
    return seconds


def _extract_arrays(value: Any, arrays: list[npt.NDArray[Any]]) -> Any:
    if isinstance(value, SupportsArray):
        array = np.ascontiguousarray(value)
        arrays.append(array)
        return {_ARRAY: [array.dtype.name, list(np.shape(value))]}
    if isinstance(value, dict):
        return {str(key): _extract_arrays(each, arrays) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_extract_arrays(each, arrays) for each in value]
    return value


def _restore_arrays(value: Any, parts: list[bytearray]) -> Reading[Any]:
    """Inserts arrays, which are read in the order in which they were taken out."""
    if isinstance(value, list):
        values = []
        for each in value:
            values.append((yield from _restore_arrays(each, parts)))
        return values
    if not isinstance(value, dict):
        return value
    if set(value) != {_ARRAY}:
        read = {}
        for key, each in value.items():
            read[key] = yield from _restore_arrays(each, parts)
        return read
    name, shape = value[_ARRAY]
    dtype = np.dtype(name)
    size = math.prod(shape) * dtype.itemsize
    if size < 0 or dtype.hasobject:
        raise ValueError(f"an array of {name} of shape {shape}")
    parts.append((yield size))
    return np.frombuffer(parts[-1], dtype).reshape(shape)
