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

from ..core.rejections import RejectionCounter
from .handshake import admit
from .messages import Channel, Reading

HELLO_TIMEOUT_SECONDS = 10.0
MAX_PENDING = 256
MAX_HELLO_BYTES = 1 << 20
_PIECE = 1 << 16
_SECONDS_TO_RECOVER = 0.01


class AuthenticatedWorker(NamedTuple):
    """An authenticated worker.

    Attributes:
        channel: The connection to the worker.
        hello: Its hello message.
    """

    channel: Channel
    hello: Any


class WorkerAcceptor:
    """Accepts workers and rejects other connections; closes pending ones on exit.

    Args:
        listener: The listening socket.
        token: The secret of the run.
        name: Name of the chief in messages.

    Attributes:
        rejections: The rejected connections.
    """

    def __init__(self, listener: socket.socket, token: str, name: str) -> None:
        self.rejections = RejectionCounter(name)
        self._listener = listener
        self._token = token
        self._pending: dict[int, _PendingConnection] = {}  # by descriptor, the oldest first
        self._workers: dict[int, Channel] = {}
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> "WorkerAcceptor":
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        return self

    def __exit__(self, *exception: object) -> None:
        for pending in list(self._pending.values()):
            self._drop(pending)
        self._selector.close()
        self.rejections.report()

    def wait(self, deadline: float) -> Iterator[AuthenticatedWorker | Channel]:
        """Yields workers as they arrive, and the channel of one that disconnects.

        Args:
            deadline: `time.monotonic` time at which this ends.
        """
        while (now := time.monotonic()) < deadline:
            self._drop_timed_out(now)
            due = min([deadline, *(each.deadline for each in self._pending.values())])
            for key, _ in self._selector.select(max(due - now, 0)):
                if key.fd in self._pending:
                    yield from self._read_from(self._pending[key.fd])
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
        if len(self._pending) >= MAX_PENDING:
            self._drop(next(iter(self._pending.values())))
        try:
            pending = _PendingConnection(connection, address[0], self._token)
        except OSError:
            connection.close()
            self.rejections.add(address[0])
            return
        self._pending[connection.fileno()] = pending
        self._selector.register(connection, selectors.EVENT_READ)

    def _read_from(self, pending: "_PendingConnection") -> Iterator[AuthenticatedWorker]:
        try:
            worker = pending.read_available()
        except (OSError, EOFError):
            self._drop(pending)
            return
        if worker is not None:
            number = worker.channel.fileno()
            del self._pending[number]
            self._workers[number] = worker.channel
            yield worker

    def _drop_timed_out(self, now: float) -> None:
        for pending in list(self._pending.values()):
            if pending.deadline > now:
                return
            self._drop(pending)

    def _drop(self, pending: "_PendingConnection") -> None:
        del self._pending[pending.connection.fileno()]
        self._selector.unregister(pending.connection)
        pending.connection.close()
        self.rejections.add(pending.address)


class _PendingConnection:
    """A connection that is not yet authenticated; read without blocking."""

    def __init__(self, connection: socket.socket, address: str, token: str) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.address = address
        self.deadline = time.monotonic() + HELLO_TIMEOUT_SECONDS
        self._reading = _authenticate(connection, token)
        self._wanted = next(self._reading)
        self._heard = bytearray()

    def read_available(self) -> AuthenticatedWorker | None:
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


def _authenticate(connection: socket.socket, token: str) -> Reading[AuthenticatedWorker]:
    channel = yield from admit(connection, token)
    hello = yield from channel.reading(MAX_HELLO_BYTES)
    return AuthenticatedWorker(channel, hello)
