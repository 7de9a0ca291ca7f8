"""Connects the workers of a run before TensorFlow starts them.

TensorFlow waits for a missing worker forever and ignores signals meanwhile. All workers
therefore first connect to the chief over TCP, within a time limit, and compare their
configurations. `ConnectedWorkers` uses these connections afterwards. Connections that don't
know the secret of the run are rejected, and can neither stop nor delay it.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

from ..core.cluster import Cluster
from ..core.console import notify
from ..core.errors import ConfigError, KeraunosError, WorkerError, message
from ..core.secret import TOKEN_VARIABLE, find_token
from .handshake import introduce
from .messages import Channel, read_all
from .ports import listen, problem_with_port, require_free_port, without_nagle
from .worker_acceptor import HELLO_TIMEOUT_SECONDS, AuthenticatedWorker, WorkerAcceptor

_SECONDS_BETWEEN_TRIES = 0.1
_SECONDS_AFTER_REFUSAL = 0.5
_MIN_SECONDS = 0.5  # for the last attempt
_SECONDS_TO_ANSWER = 10.0
_SECONDS_BEFORE_NOTICE = 10.0
_SAME = ("keraunos", "tensorflow", "keras", "numpy")


def meet(cluster: Cluster, seconds: float, token: str | None = None) -> dict[int, Channel]:
    """Waits until all workers are connected.

    Args:
        cluster: The workers.
        seconds: Time limit in seconds.
        token: The secret that they share; by default the result of `find_token`.

    Returns:
        Connections by rank: on the chief one to each other worker, on others one to the
        chief, 0.

    Raises:
        WorkerError: A worker did not connect, or disconnected; the message names it.
        ConfigError: A port is taken, the workers don't agree on their addresses or
            versions, or there is no token.
    """
    deadline = time.monotonic() + seconds
    if len(cluster.addresses) == 1:
        require_free_port(cluster)
        return {}
    token = token or find_token(cluster.hosts)
    if cluster.rank > 0:
        return {0: _ChiefConnector(cluster, token, seconds).to_chief(deadline)}
    with listen(cluster) as listener:
        return _Chief(cluster, seconds).wait(listener, token, deadline)


def _hello(cluster: Cluster) -> dict[str, Any]:
    versions = {name: metadata.version(name) for name in _SAME}
    return {
        "rank": cluster.rank,
        "workers": list(cluster.addresses),
        "versions": versions,
        "problem": problem_with_port(cluster),
    }


class _ChiefConnector:
    """Connects a worker to the chief, even if other programs answer at its address."""

    def __init__(self, cluster: Cluster, token: str, seconds: float) -> None:
        self._cluster = cluster
        self._token = token
        self._seconds = seconds
        self._hello = _hello(cluster)
        self._is_refused = False

    def to_chief(self, deadline: float) -> Channel:
        with _notify_if_slow(lambda: [self._cluster.name(0)]):
            channel = self._channel(deadline)
        try:
            # The chief has the same time limit, and reports which workers are missing.
            answer = channel.receive(max(deadline, time.monotonic()) + self._seconds)
        except (OSError, EOFError):
            channel.close()
            raise WorkerError(
                f"{self._cluster.name(0)} disconnected while the workers were meeting."
            ) from None
        if answer["refused"]:
            channel.close()
            is_ours = answer["code"] == ConfigError.exit_code
            raise (ConfigError if is_ours else WorkerError)(answer["refused"])
        channel.settimeout(None)
        return channel

    def _channel(self, deadline: float) -> Channel:
        """Retries until the chief answers and authenticates."""
        while True:
            left = deadline - time.monotonic()
            pause = _SECONDS_BETWEEN_TRIES
            try:
                connection = self._connect(max(left, _MIN_SECONDS))
            except OSError as error:  # it may not listen yet, or not be resolvable
                why = str(error)
            else:
                try:
                    return self._send_hello(connection, deadline)
                except (OSError, EOFError):
                    connection.close()
                    self._note_refusal()
                    pause = _SECONDS_AFTER_REFUSAL
            if left <= 0:
                raise (
                    self._unauthenticated_error()
                    if self._is_refused
                    else self._unreachable_error(why)
                )
            time.sleep(min(pause, max(deadline - time.monotonic(), 0)))

    def _connect(self, seconds: float) -> socket.socket:
        host, port = self._cluster.addresses[0].rpartition(":")[::2]
        return without_nagle(
            socket.create_connection((host.strip("[]"), int(port)), seconds)
        )

    def _send_hello(self, connection: socket.socket, deadline: float) -> Channel:
        now = time.monotonic()
        until = min(now + HELLO_TIMEOUT_SECONDS, max(deadline, now + _MIN_SECONDS))
        channel = read_all(connection, introduce(connection, self._token), until)
        channel.send(self._hello)
        return channel

    def _note_refusal(self) -> None:
        """Reports a wrong secret once, before the time limit."""
        if self._is_refused:
            return
        self._is_refused = True
        notify(
            f"note: the process that answers for {self._cluster.name(0)} has not proved "
            f"that it knows this worker's {TOKEN_VARIABLE}; trying again"
        )

    def _unreachable_error(self, why: str) -> WorkerError:
        return WorkerError(
            message(
                f"{self._cluster.name(0)} could not be reached within {self._seconds:g} "
                f"seconds ({why}).",
                "Was it started? KERAUNOS_MEET_SECONDS sets the limit.",
            )
        )

    def _unauthenticated_error(self) -> WorkerError:
        return WorkerError(
            message(
                f"{self._cluster.name(0)} must prove that it knows the secret of the run, "
                f"but did not within {self._seconds:g} seconds.",
                f"Is {TOKEN_VARIABLE} the same for all workers, or does another program "
                "listen there?",
            )
        )


class _Chief:
    """Collects the connections of all other workers on the chief."""

    def __init__(self, cluster: Cluster, seconds: float) -> None:
        self._cluster = cluster
        self._seconds = seconds
        self._found: dict[int, Channel] = {}

    def wait(
        self, listener: socket.socket, token: str, deadline: float
    ) -> dict[int, Channel]:
        try:
            with (
                WorkerAcceptor(listener, token, self._cluster.name(0)) as acceptor,
                _notify_if_slow(self._missing_names),
            ):
                self._collect(acceptor, deadline)
        except BaseException as error:
            code = error.exit_code if isinstance(error, KeraunosError) else 1
            self._answer(str(error), code)
            for channel in self._found.values():
                channel.close()
            raise
        self._answer(None, 0)
        return self._found

    def _collect(self, acceptor: WorkerAcceptor, deadline: float) -> None:
        expected = _hello(self._cluster)
        for arrived in acceptor.wait(deadline):
            if not isinstance(arrived, AuthenticatedWorker):
                raise self._disconnected_error(arrived)
            self._admit(arrived, expected)
            if len(self._found) == len(self._cluster.addresses) - 1:
                return
        raise self._missing_workers_error(acceptor.rejections.count)

    def _admit(self, arrived: AuthenticatedWorker, expected: dict[str, Any]) -> None:
        hello = arrived.hello if isinstance(arrived.hello, dict) else {}
        rank: Any = hello.get("rank")
        problem = _difference(expected, hello)
        if not problem and (rank == 0 or rank in self._found):
            problem = "connected twice"
        self._found[-1 if problem else rank] = arrived.channel
        if problem:
            raise self._disagreement(problem, hello)

    def _missing_workers_error(self, num_rejected: int) -> KeraunosError:
        refused = (
            f"{num_rejected} connections did not prove that they know the secret: is "
            f"{TOKEN_VARIABLE} the same for all workers? "
        )
        return WorkerError(
            f"{', '.join(self._missing_names())} did not connect within {self._seconds:g} "
            f"seconds. {refused if num_rejected else ''}"
            "Was it started, and can it reach the chief? KERAUNOS_MEET_SECONDS sets the "
            "limit."
        )

    def _missing_names(self) -> list[str]:
        ranks = range(1, len(self._cluster.addresses))
        return [self._cluster.name(rank) for rank in ranks if rank not in self._found]

    def _disconnected_error(self, channel: Channel) -> KeraunosError:
        (rank,) = (rank for rank, each in self._found.items() if each is channel)
        name = self._cluster.name(rank)
        return WorkerError(f"{name} disconnected while the workers were meeting.")

    def _answer(self, refused: str | None, code: int) -> None:
        for channel in self._found.values():
            with contextlib.suppress(OSError):
                channel.settimeout(_SECONDS_TO_ANSWER)
                channel.send({"refused": refused, "code": code})
                channel.settimeout(None)

    def _disagreement(self, problem: str, hello: dict[str, Any]) -> KeraunosError:
        is_port = problem == hello.get("problem")
        if is_port:  # a message of its own
            kind = WorkerError if self._cluster.has_chosen_ports else ConfigError
            return kind(problem)
        return ConfigError(
            message(
                "Each worker must be present once, with its own port, and agree with the "
                f"chief; worker {hello.get('rank')} {problem}.",
                "Compare how the workers are started: TF_CONFIG and the environment.",
                workers=hello.get("workers"),
                versions=hello.get("versions"),
            )
        )


@contextlib.contextmanager
def _notify_if_slow(missing: Callable[[], list[str]]) -> Iterator[None]:
    """Says once who is awaited, if the block takes longer than workers need to start."""

    def notice() -> None:
        notify(f"waiting for {', '.join(missing())}")

    timer = threading.Timer(_SECONDS_BEFORE_NOTICE, notice)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _difference(expected: dict[str, Any], hello: dict[str, Any]) -> str | None:
    if hello.get("workers") != expected["workers"]:
        return "has a different list of workers than the chief"
    if hello.get("versions") != expected["versions"]:
        return f"has different versions than the chief: {expected['versions']}"
    if hello.get("rank") not in range(len(expected["workers"])):
        return "is not in the list of workers"
    problem: str | None = hello.get("problem")
    return problem
