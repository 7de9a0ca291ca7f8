"""Where the chief takes in connections, those of workers and those of anybody else.

A worker has proved who it is and said hello within a limit of time that holds for all of
that together. Any number of connections may be on their way to it at once, up to a bound
beyond which the oldest is dropped: a worker takes milliseconds.
"""

import selectors
import socket
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..core.strangers import Strangers
from .handshake import admit
from .messages import Channel, Reading

SECONDS_TO_SAY_HELLO = 10.0
MAX_VISITORS = 256
MAX_HELLO_BYTES = 1 << 20
_PIECE = 1 << 16
_SECONDS_TO_RECOVER = 0.01


class Arrival(NamedTuple):
    """A worker that has proved that it belongs to the run.

    Attributes:
        channel: The connection to it.
        hello: What it says of itself.
    """

    channel: Channel
    hello: Any


class Reception:
    """Listens, and tells workers from strangers; a context that closes what is left.

    Args:
        listener: Where they connect.
        token: What workers know and strangers do not.
        name: Whose reception it is.

    Attributes:
        strangers: Those that were turned away.
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
        """Yields workers as they arrive, and the channel of one that goes away again.

        Ends at the deadline.
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
        except BlockingIOError:  # it is gone already
            return
        except OSError:  # too many files are open: visitors leave in a while
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
    """Somebody who has connected and not yet proved anything; never waited for."""

    def __init__(self, connection: socket.socket, address: str, token: str) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.address = address
        self.deadline = time.monotonic() + SECONDS_TO_SAY_HELLO
        self._reading = _greeting(connection, token)
        self._wanted = next(self._reading)
        self._heard = bytearray()

    def hear(self) -> Arrival | None:
        """Takes in what has come, and returns the arrival once that is all.

        Raises:
            OSError: It is a stranger.
            EOFError: It has gone.
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
