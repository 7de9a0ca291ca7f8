"""Communication between the workers of a run.

Workers use the connections of `rendezvous.meet`. If one is lost, all others learn which
within a time limit, whatever they are doing.
"""

import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..core.cluster import Cluster
from ..core.console import PlainConsole
from ..core.errors import WorkerError
from .alone import Value, WorkerHeartbeat, Workers
from .messages import Channel

HEARTBEAT_SECONDS = 1.0
# Time for a worker to notice that another is lost, before its process is ended.
EXIT_SECONDS = 20.0

_CLOSED = object()


class ConnectedWorkers(Workers):
    """The workers of several processes, which communicate through the chief.

    Args:
        cluster: The workers.
        channels: The result of `meet`.
        lost_seconds: Seconds without a heartbeat after which a worker counts as lost.
        on_lost: Called once with the reason when a worker is lost; from another thread.
    """

    def __init__(
        self,
        cluster: Cluster,
        channels: dict[int, Channel],
        lost_seconds: float,
        on_lost: Callable[[str], None],
    ) -> None:
        self.rank = cluster.rank
        self.count = len(cluster.addresses)
        self._cluster = cluster
        self._lost_seconds = lost_seconds
        self._on_lost = on_lost
        self._peers = {rank: _Peer(each) for rank, each in channels.items()}
        self._lost: str | None = None
        self._lock = threading.Lock()
        self._is_notified = threading.Event()
        self._has_ended = False
        self._status: Callable[[], Value] = _no_status
        for rank, peer in self._peers.items():
            self._start(self._listen, rank, peer)
        self._start(self._watch)

    def gather(self, value: Value) -> list[Value]:
        """Collects a value from each worker. All must call this, in the same order."""
        if self.is_chief:
            parts = [value, *(self._receive(rank) for rank in range(1, self.count))]
            self._send_to_all(parts)
            return parts
        self._send(0, value)
        return list(self._receive(0))

    def share(self, value: Value) -> Value:
        """Returns the value of the chief. All must call this, in the same order."""
        if self.is_chief:
            self._send_to_all(value)
            return value
        return self._receive(0)

    def ahead(self, read: Callable[[], Value]) -> Callable[[], Value]:
        """Reads a value together now, and returns a function that returns it."""
        values = read()
        return lambda: values

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Notifies the other workers if the block raises, with the reason.

        Raises:
            WorkerError: A worker is lost; replaces TensorFlow's error.
        """
        try:
            yield
        except WorkerError:
            raise
        except Exception as error:
            if _is_collective_error(error):
                self._raise_if_lost(self._lost_seconds)
                self._raise_if_done()
            self.fail(error)
            raise

    @contextlib.contextmanager
    def reporting(self, status: Callable[[], Value]) -> Iterator[None]:
        """Sends `status()` with heartbeats within the context, from another thread."""
        self._status = status
        try:
            yield
        finally:
            self._status = _no_status

    def heartbeats(self) -> list[WorkerHeartbeat]:
        """Returns the last heartbeats of connected workers."""
        now = time.monotonic()
        return [
            WorkerHeartbeat(
                rank,
                self._cluster.name(rank),
                now - peer.channel.heard_at,
                peer.status,
                peer.own_status,
            )
            for rank, peer in self._peers.items()
            if not peer.is_done
        ]

    @property
    def lost(self) -> str | None:
        """Which worker is lost and how this was noticed, or None."""
        return self._lost

    def fail(self, error: BaseException) -> None:
        """Notifies the others that this worker has failed."""
        self._end("failed", f"failed: {type(error).__name__}: {error}")

    def done(self) -> None:
        """Notifies the others that this worker has finished."""
        self._end("done", "")

    def _end(self, kind: str, reason: str) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        self._is_notified.set()
        for peer in self._peers.values():
            with contextlib.suppress(OSError):
                peer.send([kind, reason[:2000]])

    def _send_to_all(self, value: Value) -> None:
        for rank in self._peers:
            self._send(rank, value)

    def _send(self, rank: int, value: Value) -> None:
        try:
            self._peers[rank].send(["value", value])
        except OSError:
            self._raise_if_lost(self._lost_seconds)
            raise WorkerError(f"{self._cluster.name(rank)} can't be reached.") from None

    def _receive(self, rank: int) -> Value:
        inbox = self._peers[rank].inbox
        value = inbox.get()
        if value is _CLOSED:  # values received before it are still returned
            inbox.put(_CLOSED)
            self._raise_if_lost()
            raise WorkerError(f"{self._cluster.name(rank)} ended before this one.")
        return value

    def _raise_if_lost(self, seconds: float = 0.0) -> None:
        deadline = time.monotonic() + seconds
        while self._lost is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._lost is not None:
            self._is_notified.set()
            raise WorkerError(self._lost)

    def _raise_if_done(self) -> None:
        for rank, peer in self._peers.items():
            if peer.is_done:
                raise WorkerError(f"{self._cluster.name(rank)} ended before this one.")

    def _lose(self, rank: int, reason: str) -> None:
        """Records that a worker is lost, notifies the others, and wakes this one."""
        with self._lock:
            if self._lost is not None or self._has_ended:
                return
            self._lost = f"{self._cluster.name(rank)} {reason}"
        for number, peer in self._peers.items():
            peer.close() if number == rank else self._relay(peer, rank, reason)
        self._on_lost(self._lost)
        self._start(self._exit_unless_notified)
        for peer in self._peers.values():
            peer.inbox.put(_CLOSED)

    def _relay(self, peer: "_Peer", rank: int, reason: str) -> None:
        with contextlib.suppress(OSError):
            peer.send(["lost", [rank, reason]])

    def _exit_unless_notified(self) -> None:
        """Ends this process if it does not notice in time that a worker is lost."""
        if not self._is_notified.wait(EXIT_SECONDS):
            PlainConsole(file=sys.stderr).notify(f"error: {self._lost}")
            os._exit(WorkerError.exit_code)

    def _listen(self, rank: int, peer: "_Peer") -> None:
        """Receives the messages of a worker, in a separate thread."""
        try:
            while True:
                kind, content = peer.channel.receive()
                if kind == "value":
                    peer.inbox.put(content)
                elif kind == "lost":
                    self._lose(*content)
                elif kind == "failed":
                    self._lose(rank, content)
                elif kind == "alive":
                    peer.status, peer.own_status = content, self._status()
                elif kind == "done":
                    peer.is_done = True
        except (OSError, EOFError, ValueError):
            if peer.is_done:
                peer.inbox.put(_CLOSED)
            else:
                self._lose(rank, "ended unexpectedly")

    def _watch(self) -> None:
        """Sends heartbeats and checks those of others, in a separate thread."""
        last = time.monotonic()
        while self._lost is None and not self._has_ended:
            time.sleep(HEARTBEAT_SECONDS)
            now = time.monotonic()
            was_suspended = now - last > self._lost_seconds / 2
            last = now
            for rank, peer in self._peers.items():
                if was_suspended:  # the others may have been suspended as well
                    peer.channel.heard_at = now
                peer.send_heartbeat(self._status())
                if not peer.is_done and now - peer.channel.heard_at > self._lost_seconds:
                    seconds = f"{self._lost_seconds:g}"
                    self._lose(rank, f"has sent no heartbeat for {seconds} seconds")

    @staticmethod
    def _start(target: Callable[..., None], *arguments: Any) -> None:
        threading.Thread(
            target=target, args=arguments, name="keraunos-workers", daemon=True
        ).start()


class _Peer:
    """The connection to one other worker."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._lock = threading.Lock()
        self.inbox: queue.Queue[Any] = queue.Queue()
        self.is_done = False
        self.status: Value = None
        self.own_status: Value = None

    def send(self, value: Value) -> None:
        with self._lock:
            self.channel.send(value)

    def send_heartbeat(self, status: Value) -> None:
        """Sends a heartbeat, unless a message is being sent, which counts as one."""
        if self._lock.acquire(blocking=False):
            try:
                with contextlib.suppress(OSError):
                    self.channel.send(["alive", status])
            finally:
                self._lock.release()

    def close(self) -> None:
        """Shuts down the connection, which wakes threads that wait on it."""
        with contextlib.suppress(OSError):
            self.channel.shutdown()


def _no_status() -> Value:
    return None


def _is_collective_error(error: Exception) -> bool:
    """Returns whether TensorFlow raises such an error when a peer is lost."""
    kinds = ("UnavailableError", "AbortedError", "CancelledError", "DeadlineExceededError")
    return any(kind.__name__ in kinds for kind in type(error).__mro__)
