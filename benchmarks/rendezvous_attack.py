"""Strangers at the port where workers meet: does the run survive, and at what cost?

    python benchmarks/rendezvous_attack.py [--count N] [--hello-seconds S] [--only NAME ...]

For each attack a chief, a process of its own, waits for one worker, on loopback. Strangers
come first, and stay if they can; then the worker comes. The chief tells how many it turned
away, which is to be all of them, and what it has allocated at most.
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
from keraunos.core.secret import new_token
from keraunos.core.strangers import Strangers
from keraunos.strategies import reception
from keraunos.strategies.handshake import introduce
from keraunos.strategies.messages import Channel, read_all
from keraunos.strategies.rendezvous import _hello, meet

TOKEN = new_token()
MAX_FILES = 512  # of the chief: fewer than there are strangers
SECONDS_TO_MEET = 60.0
MAX_COUNT = 2000
FORK = multiprocessing.get_context("fork")


class Scene(NamedTuple):
    """Where an attack takes place.

    Attributes:
        cluster: The two workers; the chief listens already.
        count: How many connections strangers make.
        limit: Seconds that the chief gives each of them.
        stack: Keeps their connections open until the worker is there.
    """

    cluster: Cluster
    count: int
    limit: float
    stack: contextlib.ExitStack

    def connect(self) -> socket.socket:
        """A connection of a stranger, as soon as the chief listens."""
        deadline = time.monotonic() + SECONDS_TO_MEET
        while True:
            try:
                address = ("127.0.0.1", self.cluster.port)
                return self.stack.enter_context(socket.create_connection(address, 10.0))
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.01)


def garbage(scene: Scene) -> None:
    """Random bytes, more than any greeting has."""
    for _ in range(scene.count):
        send(scene.connect(), os.urandom(4096))


def huge_header(scene: Scene) -> None:
    """A message that claims to have four gigabytes, and some of them."""
    for _ in range(scene.count):
        connection = scene.connect()
        send(connection, b"KRN1" + b"\xff" * 4)
        send(connection, b" " * (1 << 16))


def slow_loris(scene: Scene) -> None:
    """A byte now and then, until the chief has had enough."""
    connections = [scene.connect() for _ in range(min(scene.count, 50))]
    deadline = time.monotonic() + 5 * scene.limit
    while connections and time.monotonic() < deadline:
        connections = [each for each in connections if send(each, b"x")]
        time.sleep(scene.limit / 20)  # 100 bytes are never there in time
    assert not connections, "a stranger has more time than it should"


def half_open(scene: Scene) -> None:
    """Connections over which nothing comes."""
    for _ in range(scene.count):
        scene.connect()


def close_at_once(scene: Scene) -> None:
    """As a scan of ports does."""
    for _ in range(scene.count):
        scene.connect().close()


def wrong_token(scene: Scene) -> None:
    """All of the protocol, with another secret."""
    for _ in range(scene.count):
        connection = scene.connect()
        with contextlib.suppress(OSError, EOFError):
            reading = introduce(connection, "another secret of another run")
            read_all(connection, reading, time.monotonic() + 10.0)
            raise AssertionError("a stranger has become a worker")


def replayed_hello(scene: Scene) -> None:
    """All that a worker of an earlier meeting with the same secret has sent."""
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
    """Whether the other end still takes it; what it has said is read, as it must be."""
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
    """What a worker sends to meet a chief."""
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
    """A connection that keeps what is sent over it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.sent = bytearray()

    def sendall(self, content: bytes) -> None:
        """Sends and keeps."""
        self.sent += content
        self._connection.sendall(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def two_workers() -> Cluster:
    """A chief and a worker on free ports, seen from the chief."""
    return Cluster(tuple(f"127.0.0.1:{port}" for port in free_ports(2)), 0)


def start_chief(cluster: Cluster, limit: float) -> tuple[Any, Connection]:
    """Starts a process that waits for the worker, and tells at the end how it was."""
    results, told = FORK.Pipe(duplex=False)
    process = FORK.Process(target=chief, args=(cluster, limit, told), daemon=True)
    process.start()
    told.close()
    return process, results


def end_chief(process: Any, results: Connection) -> dict[str, Any]:
    """What the chief told."""
    found = results.recv() if results.poll(2 * SECONDS_TO_MEET) else {"error": "hangs"}
    process.kill()
    process.join()
    return dict(found)


def chief(cluster: Cluster, limit: float, told: Connection) -> None:
    """Waits for the worker, and measures."""
    reception.HELLO_TIMEOUT_SECONDS = limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
    refused: list[int] = []
    Strangers.report = lambda self: refused.append(self.count)  # type: ignore[method-assign]
    before, error = memory("VmRSS"), ""
    tracemalloc.start()
    try:
        meet(cluster, SECONDS_TO_MEET, TOKEN)
    except KeraunosError as caught:
        error = str(caught)
    told.send(
        {
            "error": error,
            "refused": sum(refused),
            "peak_kib": tracemalloc.get_traced_memory()[1] // 1024,
            "rss_kib": memory("VmHWM") - before,
        }
    )


def memory(name: str) -> int:
    """KiB of this process, as the system counts them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def run(attack: Callable[[Scene], None], count: int, limit: float) -> dict[str, Any]:
    """Lets strangers come and then the worker; how many came, and how it went."""
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
    """Reads the options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--hello-seconds", type=float, default=10.0)
    parser.add_argument("--only", nargs="*", default=[], choices=list(ATTACKS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
