"""Messages between workers: JSON and arrays, nothing that could run code.

Each part of a message is followed by a code (HMAC-SHA256) of its bytes and its number,
under a key that only the two ends of the connection have. So nobody between them can
change, forge, repeat or leave out a message unnoticed. They are not encrypted.
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
MAX_TEXT_BYTES = 1 << 26  # of the JSON; arrays are as large as it tells
_LENGTH = struct.Struct("!I")
_ARRAY = "__array__"

T = TypeVar("T")
# Yields how many bytes it needs next and is sent them: the same for one that waits and for
# one that must not.
Reading = Generator[int, bytearray, T]


class Keys(NamedTuple):
    """What the messages of either direction are signed with."""

    send: bytes
    receive: bytes


class Channel:
    """A connection both ends of which have proved who they are.

    Args:
        connection: Over which nothing is on its way.
        keys: Those of the other end, the other way round.

    Attributes:
        heard_at: When the last byte came, by `time.monotonic`: large messages take a while.

    Example:
        >>> ours, theirs = socket.socketpair()
        >>> Channel(ours, Keys(b"a", b"b")).send({"rank": 1})
        >>> Channel(theirs, Keys(b"b", b"a")).receive()
        {'rank': 1}
    """

    def __init__(self, connection: socket.socket, keys: Keys) -> None:
        self._connection = connection
        self._sent, self._received = _Codes(keys.send), _Codes(keys.receive)
        self.heard_at = time.monotonic()

    def send(self, value: Any) -> None:
        """Sends JSON values, with arrays at any place in it.

        Raises:
            OSError: The other end is gone.
        """
        arrays: list[npt.NDArray[Any]] = []
        text = json.dumps(_take_out(value, arrays)).encode()
        self._connection.sendall(_LENGTH.pack(len(text)) + text + self._sent.next(text))
        if arrays:
            parts = [array.reshape(-1).view(np.uint8).data for array in arrays]
            for part in parts:
                self._connection.sendall(part)
            self._connection.sendall(self._sent.next(*parts))

    def receive(self, deadline: float | None = None) -> Any:
        """Waits for a message.

        Args:
            deadline: By `time.monotonic`, for all of it together; none by default.

        Raises:
            EOFError: The other end has closed the connection.
            OSError: The connection is broken, the time is up, or what came is not what
                the other end has sent.
        """
        return read_all(self._connection, self.reading(), deadline, self._hear)

    def reading(self, max_text_bytes: int = MAX_TEXT_BYTES) -> Reading[Any]:
        """The steps in which a message is read."""
        (length,) = _LENGTH.unpack((yield _LENGTH.size))
        if length > max_text_bytes:
            raise OSError(f"a message claims to have {length} bytes")
        text = yield length
        self._received.check((yield CODE_BYTES), text)
        parts: list[bytearray] = []
        try:
            value = yield from _put_back(json.loads(bytes(text)), parts)
        except (ValueError, TypeError, RecursionError) as error:
            raise OSError(f"this is not a message ({error})") from None
        if parts:
            self._received.check((yield CODE_BYTES), *parts)
        return value

    def fileno(self) -> int:
        """The descriptor of the connection."""
        return self._connection.fileno()

    def settimeout(self, seconds: float | None) -> None:
        """Limits how long sending may take."""
        self._connection.settimeout(seconds)

    def shutdown(self) -> None:
        """Ends the connection, and wakes whoever waits on it."""
        self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Frees the descriptor."""
        self._connection.close()

    def _hear(self) -> None:
        self.heard_at = time.monotonic()


class _Codes:
    """Signs the parts of one direction, each with its number."""

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
            raise OSError("a message was changed in transit or comes from somebody else")


def read_all(
    connection: socket.socket,
    reading: Reading[T],
    deadline: float | None = None,
    on_bytes: Callable[[], None] = lambda: None,
) -> T:
    """Waits for all that is to be read; the deadline is for all of it together."""
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
        raise TimeoutError("the time is up")
    return seconds


def _take_out(value: Any, arrays: list[npt.NDArray[Any]]) -> Any:
    if isinstance(value, SupportsArray):
        array = np.ascontiguousarray(value)
        arrays.append(array)
        return {_ARRAY: [array.dtype.name, list(np.shape(value))]}
    if isinstance(value, dict):
        return {str(key): _take_out(each, arrays) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_take_out(each, arrays) for each in value]
    return value


def _put_back(value: Any, parts: list[bytearray]) -> Reading[Any]:
    """Reads arrays in the order in which they were taken out."""
    if isinstance(value, list):
        values = []
        for each in value:
            values.append((yield from _put_back(each, parts)))
        return values
    if not isinstance(value, dict):
        return value
    if set(value) != {_ARRAY}:
        read = {}
        for key, each in value.items():
            read[key] = yield from _put_back(each, parts)
        return read
    name, shape = value[_ARRAY]
    dtype = np.dtype(name)
    size = math.prod(shape) * dtype.itemsize
    if size < 0 or dtype.hasobject:
        raise ValueError(f"an array of {name} of shape {shape}")
    parts.append((yield size))
    return np.frombuffer(parts[-1], dtype).reshape(shape)
