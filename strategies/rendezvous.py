"""Where workers meet before TensorFlow is told of them.

TensorFlow waits for a missing worker for ever, deaf to signals. So all say hello to the
chief first, over TCP and within a limit of time, and compare what they know. The
connections stay: `Workers` talk over them.
"""

import contextlib
import selectors
import socket
import time
from importlib import metadata
from typing import Any

from ..core.cluster import Cluster
from ..core.errors import ConfigError, KeraunosError, WorkerError, message
from .messages import receive, send

_SECONDS_TO_SAY_HELLO = 10.0
_SECONDS_BETWEEN_TRIES = 0.1
_SAME = ("keraunos", "tensorflow", "keras", "numpy")


def meet(cluster: Cluster, seconds: float) -> dict[int, socket.socket]:
    """Waits until all workers are there.

    Args:
        cluster: Who they are.
        seconds: How long to wait at most.

    Returns:
        A connection to each worker for the chief; for all others one to the chief, 0.

    Raises:
        WorkerError: One did not come, or went again; the message names it.
        ConfigError: Its port is taken, or the workers do not agree on who they are.
    """
    deadline = time.monotonic() + seconds
    if cluster.rank > 0:
        connections = {0: _go_to_chief(cluster, deadline, seconds)}
    else:
        with _listener(cluster) as listener:
            connections = _Chief(cluster, listener, seconds).wait(deadline)
    for connection in connections.values():  # what is small is sent at once
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connections


def _hello(cluster: Cluster) -> dict[str, Any]:
    versions = {name: metadata.version(name) for name in _SAME}
    return {
        "rank": cluster.rank,
        "workers": list(cluster.addresses),
        "versions": versions,
        "problem": _problem_with_port(cluster),
    }


def _listener(cluster: Cluster) -> socket.socket:
    """Listens on this worker's own port, as TensorFlow will later."""
    port = int(cluster.addresses[cluster.rank].rpartition(":")[2])
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        return socket.create_server(("", port), family=family, dualstack_ipv6=both)
    except OSError as error:
        raise ConfigError(
            message(
                f"The port of {cluster.name(cluster.rank)} must be free "
                f"({error.strerror}).",
                "Is another run on this machine, or a worker named twice?",
                port=port,
            )
        ) from None


def _problem_with_port(cluster: Cluster) -> str | None:
    if cluster.rank == 0:
        return None
    try:
        _listener(cluster).close()
    except ConfigError as error:
        return str(error)
    return None


def _go_to_chief(cluster: Cluster, deadline: float, seconds: float) -> socket.socket:
    connection = _connect(cluster, deadline, seconds)
    try:
        send(connection, _hello(cluster))
        # The chief has the same limit of time, and says who is missing.
        connection.settimeout(max(deadline - time.monotonic(), 0) + seconds)
        answer = receive(connection)
    except (OSError, EOFError):
        connection.close()
        raise WorkerError(
            f"{cluster.name(0)} went away while the workers were meeting."
        ) from None
    if answer["refused"]:
        connection.close()
        kind = ConfigError if answer["code"] == ConfigError.exit_code else WorkerError
        raise kind(answer["refused"])
    connection.settimeout(None)
    return connection


def _connect(cluster: Cluster, deadline: float, seconds: float) -> socket.socket:
    host, _, port = cluster.addresses[0].rpartition(":")
    while True:
        left = deadline - time.monotonic()
        try:
            return socket.create_connection((host.strip("[]"), int(port)), max(left, 0.1))
        except OSError as error:  # it may not listen yet, nor have a name
            if left <= 0:
                raise WorkerError(
                    message(
                        f"{cluster.name(0)} could not be reached within {seconds:g} "
                        f"seconds ({error}).",
                        "Was it started? KERAUNOS_MEET_SECONDS sets the limit.",
                    )
                ) from None
        time.sleep(_SECONDS_BETWEEN_TRIES)


class _Chief:
    """Collects the others' hellos."""

    def __init__(self, cluster: Cluster, listener: socket.socket, seconds: float) -> None:
        self._cluster = cluster
        self._listener = listener
        self._seconds = seconds
        self._found: dict[int, socket.socket] = {}

    def wait(self, deadline: float) -> dict[int, socket.socket]:
        try:
            self._collect(deadline)
        except BaseException as error:
            self._answer(str(error), getattr(error, "exit_code", 1))
            for connection in self._found.values():
                connection.close()
            raise
        self._answer(None, 0)
        return self._found

    def _collect(self, deadline: float) -> None:
        expected = _hello(self._cluster)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while len(self._found) < len(self._cluster.addresses) - 1:
                events = selector.select(max(deadline - time.monotonic(), 0))
                if not events:
                    raise self._missing()
                for key, _ in events:
                    if key.fileobj is not self._listener:
                        raise self._gone(key.data)
                    rank = self._accept(expected)
                    if rank is not None:
                        selector.register(self._found[rank], selectors.EVENT_READ, rank)

    def _accept(self, expected: dict[str, Any]) -> int | None:
        connection, _ = self._listener.accept()
        connection.settimeout(_SECONDS_TO_SAY_HELLO)
        try:
            hello = receive(connection)
            rank = int(hello["rank"])
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            connection.close()  # somebody else: a probe, a scanner
            return None
        connection.settimeout(None)
        is_twice = rank in self._found or rank == 0
        self._found[-1 if is_twice else rank] = connection
        problem = "is there twice" if is_twice else _difference(expected, hello)
        if problem:
            raise _disagreement(rank, problem, hello)
        return rank

    def _missing(self) -> KeraunosError:
        ranks = range(1, len(self._cluster.addresses))
        names = [self._cluster.name(rank) for rank in ranks if rank not in self._found]
        return WorkerError(
            f"{', '.join(names)} did not come within {self._seconds:g} seconds. "
            "Was it started, and can it reach the chief? KERAUNOS_MEET_SECONDS sets the "
            "limit."
        )

    def _gone(self, rank: int) -> KeraunosError:
        name = self._cluster.name(rank)
        return WorkerError(f"{name} went away while the workers were meeting.")

    def _answer(self, refused: str | None, code: int) -> None:
        for connection in self._found.values():
            with contextlib.suppress(OSError):
                send(connection, {"refused": refused, "code": code})


def _difference(expected: dict[str, Any], hello: dict[str, Any]) -> str | None:
    if hello.get("problem"):
        return str(hello["problem"])
    if hello.get("workers") != expected["workers"]:
        return "knows other workers than the chief does"
    if hello.get("versions") != expected["versions"]:
        return f"has other versions than the chief has: {expected['versions']}"
    return None


def _disagreement(rank: int, problem: str, hello: dict[str, Any]) -> ConfigError:
    return ConfigError(
        message(
            f"Each worker must be there once, with a port of its own, and know the same "
            f"as the chief; worker {rank} is not so: {problem}.",
            "Compare what the workers are started with: TF_CONFIG, and the environment.",
            workers=hello.get("workers"),
            versions=hello.get("versions"),
        )
    )
