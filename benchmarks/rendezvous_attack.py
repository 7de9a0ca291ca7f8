"""Attacks the port on which workers connect, to test whether the run survives.

    python benchmarks/rendezvous_attack.py [--count N] [--hello-seconds S] [--only NAME ...]

For each attack, a chief in its own process waits for one worker on loopback. Strangers
connect first, and stay connected if they can; then the worker connects. The chief reports
how many connections it rejected, which must be all of them, and its peak memory.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import resource
import socket
import time
import tracemalloc
from collections.abc import Callable
from importlib import metadata
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from keraunos.cli.commands.launch import free_ports
from keraunos.core.cluster import Cluster
from keraunos.core.errors import KeraunosError
from keraunos.core.rejections import RejectionCounter
from keraunos.core.secret import new_token
from keraunos.strategies import worker_acceptor
from keraunos.strategies.handshake import introduce
from keraunos.strategies.messages import Channel, read_all
from keraunos.strategies.rendezvous import _hello, meet

TOKEN = new_token()
MAX_FILES = 512  # limit of the chief, below the number of strangers
SECONDS_TO_MEET = 60.0
MAX_COUNT = 2000
FORK = multiprocessing.get_context("fork")


class Scene(NamedTuple):
    """The environment of an attack.

    Attributes:
        cluster: The two workers; the chief is already listening.
        count: Number of connections that strangers open.
        limit: Seconds after which the chief closes each of them.
        stack: Keeps the connections open until the worker has connected.
    """

    cluster: Cluster
    count: int
    limit: float
    stack: contextlib.ExitStack

    def connect(self) -> socket.socket:
        """Opens the connection of a stranger, as soon as the chief listens."""
        deadline = time.monotonic() + SECONDS_TO_MEET
        while True:
            try:
                address = ("127.0.0.1", self.cluster.port)
                return self.stack.enter_context(socket.create_connection(address, 10.0))
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.01)


def garbage(scene: Scene) -> None:
    """Sends random bytes, more than any greeting has."""
    for _ in range(scene.count):
        send(scene.connect(), os.urandom(4096))


def huge_header(scene: Scene) -> None:
    """Sends a message that claims to have four gigabytes, and some of them."""
    for _ in range(scene.count):
        connection = scene.connect()
        send(connection, b"KRN1" + b"\xff" * 4)
        send(connection, b" " * (1 << 16))


def slow_loris(scene: Scene) -> None:
    """Sends single bytes slowly until the chief closes the connection."""
    connections = [scene.connect() for _ in range(min(scene.count, 50))]
    deadline = time.monotonic() + 5 * scene.limit
    while connections and time.monotonic() < deadline:
        connections = [each for each in connections if send(each, b"x")]
        time.sleep(scene.limit / 20)  # 100 bytes never arrive in time
    assert not connections, "a stranger has more time than it should"


def half_open(scene: Scene) -> None:
    """Opens connections and sends nothing."""
    for _ in range(scene.count):
        scene.connect()


def close_at_once(scene: Scene) -> None:
    """Closes connections at once, like a port scan."""
    for _ in range(scene.count):
        scene.connect().close()


def wrong_token(scene: Scene) -> None:
    """Follows the protocol with another secret."""
    for _ in range(scene.count):
        connection = scene.connect()
        with contextlib.suppress(OSError, EOFError):
            reading = introduce(connection, "another secret of another run")
            read_all(connection, reading, time.monotonic() + 10.0)
            raise AssertionError("a stranger has become a worker")


def replayed_hello(scene: Scene) -> None:
    """Replays what a worker with the same secret has sent in an earlier meeting."""
    heard = record()
    for _ in range(scene.count):
        connection = scene.connect()
        connection.recv(36, socket.MSG_WAITALL)
        send(connection, heard)


ATTACKS: dict[str, Callable[[Scene], None]] = {
    "garbage": garbage,
    "huge header": huge_header,
    "slow loris": slow_loris,
    "half-open": half_open,
    "closes at once": close_at_once,
    "wrong token": wrong_token,
    "replayed hello": replayed_hello,
}


def send(connection: socket.socket, content: bytes) -> bool:
    """Sends content, and reads pending answers; returns whether the peer is still open."""
    try:
        connection.sendall(content)
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while connection.recv(4096):
                pass
            return False
        connection.setblocking(True)
    except OSError:
        return False
    return True


def record() -> bytes:
    """Records what a worker sends to meet a chief."""
    cluster = two_workers()
    process, results = start_chief(cluster, limit=10.0)
    with contextlib.ExitStack() as stack:
        recorder: Any = Recorder(Scene(cluster, 1, 10.0, stack).connect())
        reading = introduce(recorder, TOKEN)
        channel: Channel = read_all(recorder, reading, time.monotonic() + 10.0)
        channel.send(_hello(Cluster(cluster.addresses, 1)))
        assert channel.receive()["refused"] is None
    end_chief(process, results)
    return bytes(recorder.sent)


class Recorder:
    """A connection that records what is sent over it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.sent = bytearray()

    def sendall(self, content: bytes) -> None:
        """Sends and records content."""
        self.sent += content
        self._connection.sendall(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def two_workers() -> Cluster:
    """Returns a cluster of a chief and a worker on free ports, as seen by the chief."""
    return Cluster(tuple(f"127.0.0.1:{port}" for port in free_ports(2)), 0)


def start_chief(cluster: Cluster, limit: float) -> tuple[Any, Connection]:
    """Starts a process that waits for the worker, and reports at the end."""
    results, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=chief, args=(cluster, limit, sender), daemon=True)
    process.start()
    sender.close()
    return process, results


def end_chief(process: Any, results: Connection) -> dict[str, Any]:
    """Returns the report of the chief."""
    found = results.recv() if results.poll(2 * SECONDS_TO_MEET) else {"error": "hangs"}
    process.kill()
    process.join()
    return dict(found)


def chief(cluster: Cluster, limit: float, sender: Connection) -> None:
    """Waits for the worker, and sends measurements."""
    worker_acceptor.HELLO_TIMEOUT_SECONDS = limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
    refused: list[int] = []
    RejectionCounter.report = lambda self: refused.append(self.count)  # type: ignore[method-assign]
    before, error = memory("VmRSS"), ""
    tracemalloc.start()
    try:
        meet(cluster, SECONDS_TO_MEET, TOKEN)
    except KeraunosError as caught:
        error = str(caught)
    sender.send(
        {
            "error": error,
            "refused": sum(refused),
            "peak_kib": tracemalloc.get_traced_memory()[1] // 1024,
            "rss_kib": memory("VmHWM") - before,
        }
    )


def memory(name: str) -> int:
    """Returns a memory value of this process from /proc, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def run(attack: Callable[[Scene], None], count: int, limit: float) -> dict[str, Any]:
    """Runs an attack, then connects the worker; returns the measurements."""
    cluster = two_workers()
    process, results = start_chief(cluster, limit)
    with contextlib.ExitStack() as stack:
        attack(Scene(cluster, count, limit, stack))
        came_at, problem = time.monotonic(), ""
        try:
            meet(Cluster(cluster.addresses, 1), SECONDS_TO_MEET, TOKEN)[0].close()
        except KeraunosError as error:
            problem = str(error)
        seconds = time.monotonic() - came_at
    found = end_chief(process, results)
    return {**found, "error": found["error"] or problem, "seconds": round(seconds, 2)}


def main() -> None:
    """Runs the attacks and prints a table and a line of JSON."""
    options = parse()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    results = {}
    print(f"{'attack':16} {'refused':>8} {'peak KiB':>9} {'RSS KiB':>8} {'seconds':>8}")
    for name in options.only or ATTACKS:
        found = run(ATTACKS[name], min(options.count, MAX_COUNT), options.hello_seconds)
        results[name] = found
        print(
            f"{name:16} {found.get('refused', 0):8} {found.get('peak_kib', 0):9} "
            f"{found.get('rss_kib', 0):8} {found['seconds']:8} {found['error']}",
            flush=True,
        )
    versions = {"keraunos": metadata.version("keraunos")}
    print(json.dumps({"attacks": results, "versions": versions, "options": vars(options)}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--hello-seconds", type=float, default=10.0)
    parser.add_argument("--only", nargs="*", default=[], choices=list(ATTACKS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
