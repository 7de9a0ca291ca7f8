"""Accepts connections to the chief and authenticates workers.

A worker must authenticate and send its hello within one time limit. Several connections may
do so at once. Beyond a maximum number, the oldest is dropped, since a worker takes only
milliseconds.
"""

import selectors
import socket
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..core.strangers import Strangers
from .handshake import admit
from .messages import Channel, Reading

HELLO_TIMEOUT_SECONDS = 10.0
MAX_VISITORS = 256
MAX_HELLO_BYTES = 1 << 20
_PIECE = 1 << 16
_SECONDS_TO_RECOVER = 0.01


class Arrival(NamedTuple):
    """An authenticated worker.

    Attributes:
        channel: The connection to the worker.
        hello: Its hello message.
    """

    channel: Channel
    hello: Any


class Reception:
    """Accepts workers and rejects other connections; closes pending ones on exit.

    Args:
        listener: The listening socket.
        token: The secret of the run.
        name: Name of the chief in messages.

    Attributes:
        strangers: The rejected connections.
    """

    def __init__(self, listener: socket.socket, token: str, name: str) -> None:
        self.strangers = Strangers(name)
        self._listener = listener
        self._token = token
        self._visitors: dict[int, _Visitor] = {}  # by descriptor, the oldest first
        self._workers: dict[int, Channel] = {}
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> "Reception":
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        return self

    def __exit__(self, *exception: object) -> None:
        for visitor in list(self._visitors.values()):
            self._drop(visitor)
        self._selector.close()
        self.strangers.report()

    def wait(self, deadline: float) -> Iterator[Arrival | Channel]:
        """Yields workers as they arrive, and the channel of one that disconnects.

        Args:
            deadline: `time.monotonic` time at which this ends.
        """
        while (now := time.monotonic()) < deadline:
            self._drop_late(now)
            due = min([deadline, *(each.deadline for each in self._visitors.values())])
            for key, _ in self._selector.select(max(due - now, 0)):
                if key.fd in self._visitors:
                    yield from self._hear(self._visitors[key.fd])
                elif key.fd in self._workers:
                    yield self._workers[key.fd]
                else:
                    self._accept()

    def _accept(self) -> None:
        try:
            connection, address = self._listener.accept()
        except BlockingIOError:  # already disconnected
            return
        except OSError:  # too many open files: pending connections will be closed
            time.sleep(_SECONDS_TO_RECOVER)
            return
        if len(self._visitors) >= MAX_VISITORS:
            self._drop(next(iter(self._visitors.values())))
        try:
            visitor = _Visitor(connection, address[0], self._token)
        except OSError:
            connection.close()
            self.strangers.add(address[0])
            return
        self._visitors[connection.fileno()] = visitor
        self._selector.register(connection, selectors.EVENT_READ)

    def _hear(self, visitor: "_Visitor") -> Iterator[Arrival]:
        try:
            arrival = visitor.hear()
        except (OSError, EOFError):
            self._drop(visitor)
            return
        if arrival is not None:
            number = arrival.channel.fileno()
            del self._visitors[number]
            self._workers[number] = arrival.channel
            yield arrival

    def _drop_late(self, now: float) -> None:
        for visitor in list(self._visitors.values()):
            if visitor.deadline > now:
                return
            self._drop(visitor)

    def _drop(self, visitor: "_Visitor") -> None:
        del self._visitors[visitor.connection.fileno()]
        self._selector.unregister(visitor.connection)
        visitor.connection.close()
        self.strangers.add(visitor.address)


class _Visitor:
    """A connection that is not yet authenticated; read without blocking."""

    def __init__(self, connection: socket.socket, address: str, token: str) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.address = address
        self.deadline = time.monotonic() + HELLO_TIMEOUT_SECONDS
        self._reading = _greeting(connection, token)
        self._wanted = next(self._reading)
        self._heard = bytearray()

    def hear(self) -> Arrival | None:
        """Reads available bytes, and returns the worker once it is authenticated.

        Raises:
            OSError: Authentication failed.
            EOFError: The connection was closed.
        """
        while True:
            try:
                part = self.connection.recv(min(self._wanted - len(self._heard), _PIECE))
            except BlockingIOError:
                return None
            if not part:
                raise EOFError("the connection was closed")
            self._heard += part
            if len(self._heard) == self._wanted:
                try:
                    self._wanted = self._reading.send(self._heard)
                except StopIteration as done:
                    return done.value
                self._heard = bytearray()


def _greeting(connection: socket.socket, token: str) -> Reading[Arrival]:
    channel = yield from admit(connection, token)
    hello = yield from channel.reading(MAX_HELLO_BYTES)
    return Arrival(channel, hello)
