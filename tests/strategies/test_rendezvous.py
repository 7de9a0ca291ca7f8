"""Workers connect within a time limit, or learn which one is missing or wrong.

Without their secret, nobody can join them or keep them from connecting.
"""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from keraunos import ConfigError, WorkerError
from keraunos.cli.commands.launch import free_ports
from keraunos.core.cluster import Cluster
from keraunos.core.secret import find_token
from keraunos.strategies import ports, rendezvous, worker_acceptor
from keraunos.strategies.handshake import introduce
from keraunos.strategies.messages import Channel, read_all
from keraunos.strategies.rendezvous import meet

Met = dict[int, Channel]


@pytest.fixture
def addresses() -> tuple[str, ...]:
    return tuple(f"127.0.0.1:{port}" for port in free_ports(3))


def all_meet(
    clusters: list[Cluster], seconds: float = 20.0, delays: Mapping[int, float] = {}
) -> list[Future[Met]]:
    """Lets workers meet, each in a thread, and waits until all have finished."""

    def come(place: int, cluster: Cluster) -> Met:
        time.sleep(delays.get(place, 0.0))
        return meet(cluster, seconds)

    with ThreadPoolExecutor(len(clusters)) as pool:
        return [pool.submit(come, *each) for each in enumerate(clusters)]


def close(futures: list[Future[Met]]) -> None:
    for future in futures:
        for connection in future.result().values():
            connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("late", [0, 1, 2])
def test_workers_connect_whichever_comes_last(
    late: int, addresses: tuple[str, ...]
) -> None:
    clusters = [Cluster(addresses, rank) for rank in range(3)]
    futures = all_meet(clusters, delays={late: 0.4})
    assert [sorted(future.result()) for future in futures] == [[1, 2], [0], [0]]
    chief, second = futures[0].result(), futures[2].result()
    chief[2].send("for the second")
    assert second[0].receive() == "for the second"
    close(futures)


@pytest.mark.slow
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_missing_worker_is_announced_and_named_in_every_error(
    missing: int,
    addresses: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(rendezvous, "_SECONDS_BEFORE_NOTICE", 0.5)
    clusters = [Cluster(addresses, rank) for rank in range(3) if rank != missing]
    for future in all_meet(clusters, seconds=1.5):
        with pytest.raises(WorkerError, match=f"worker {missing}.*1.5 seconds") as caught:
            future.result()
        assert addresses[missing] in str(caught.value)
    notice = f"waiting for {clusters[0].name(missing)}\n"
    assert capsys.readouterr().err == notice * (2 if missing == 0 else 1)


def with_other_workers(addresses: tuple[str, ...]) -> list[Cluster]:
    others = (*addresses[:2], addresses[2].replace("127.0.0.1", "localhost"))
    return [Cluster(addresses, 0), Cluster(addresses, 1), Cluster(others, 2)]


def with_one_twice(addresses: tuple[str, ...]) -> list[Cluster]:
    # Both on this machine would want the same port; the chief sees that first.
    return [Cluster(addresses, rank) for rank in (0, 1, 1)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (with_other_workers, "different list of workers"),
        (with_one_twice, "connected twice"),
    ],
)
def test_inconsistent_worker_lists_fail_on_all_workers(
    wrong: Callable[..., Any], why: str, addresses: tuple[str, ...]
) -> None:
    futures = all_meet(wrong(addresses), seconds=3.0)
    for future in futures:
        with pytest.raises((ConfigError, WorkerError)):
            future.result()
    assert why in str(futures[0].exception())
    assert isinstance(futures[0].exception(), ConfigError)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"versions": {"tensorflow": "1.0"}}, "different versions"),
        ({"rank": 7}, "not in the list"),
        ({"rank": "1"}, "not in the list"),
        ({"rank": [1]}, "not in the list"),
        ({"workers": None}, "different list of workers"),
    ],
)
def test_worker_with_wrong_versions_or_rank_is_rejected(
    wrong: dict[str, Any], why: str, addresses: tuple[str, ...]
) -> None:
    two = addresses[:2]
    with ThreadPoolExecutor(1) as pool:
        chief = pool.submit(meet, Cluster(two, 0), 20.0)
        with contextlib.closing(joined(two)) as worker:
            worker.send(hello(two) | wrong)
            assert why in worker.receive()["refused"]
    with pytest.raises(ConfigError, match=why):
        chief.result()


def hello(addresses: tuple[str, ...]) -> dict[str, Any]:
    versions = versions_of_chief()
    return {"rank": 1, "workers": list(addresses), "versions": versions, "problem": None}


def joined(addresses: tuple[str, ...], token: str | None = None) -> Channel:
    """A connection to the chief over which both have proved who they are."""
    connection = connected(addresses)
    token = token or find_token(["localhost"])
    return read_all(connection, introduce(connection, token), time.monotonic() + 20.0)


def connected(addresses: tuple[str, ...]) -> socket.socket:
    """A connection to the chief, as soon as it listens."""
    host, port = addresses[0].split(":")
    while True:
        try:
            return socket.create_connection((host, int(port)))
        except ConnectionRefusedError:
            time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.nightly), 1])
def test_occupied_port_is_an_error_on_all_workers(
    rank: int, addresses: tuple[str, ...]
) -> None:
    two = addresses[:2]
    with socket.create_server(("", int(two[rank].split(":")[1]))):
        futures = all_meet([Cluster(two, each) for each in (0, 1)], seconds=3.0)
    with pytest.raises(ConfigError, match="port"):
        futures[rank].result()
    assert isinstance(futures[1 - rank].exception(), ConfigError | WorkerError)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.nightly), 1])
def test_occupied_port_chosen_by_a_launcher_can_be_retried(
    rank: int, addresses: tuple[str, ...]
) -> None:
    """So it is not a wrong setting, and worth another start."""
    two = addresses[:2]
    clusters = [Cluster(two, each, "keraunos launch") for each in (0, 1)]
    with socket.create_server(("", clusters[rank].port)):
        futures = all_meet(clusters, seconds=3.0)
    words = (
        f"The port of {clusters[rank].name(rank)} must be free (Address already in use)."
    )
    for future in futures:
        assert isinstance(future.exception(), WorkerError)
        if rank == 1:  # then the chief can tell all
            assert str(future.exception()).startswith(words)
            assert str(future.exception()).count("Received: ") == 1
    assert "port" in str(futures[rank].exception())


def says_nothing(connection: socket.socket) -> None:
    """A half-open connection."""


def closes(connection: socket.socket) -> None:
    connection.close()


def talks_http(connection: socket.socket) -> None:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: chief\r\n" + 99 * b"x" + b"\r\n\r\n")


def sends_garbage(connection: socket.socket) -> None:
    connection.sendall(bytes(range(256)) * 64)


def claims_much(connection: socket.socket) -> None:
    """A message as from a connected worker, of four gigabytes."""
    connection.sendall(b"KRN1\xff\xff\xff\xff{" + 99 * b" ")


def says_it_is_worker_1(connection: socket.socket) -> None:
    """In plain text, which was once enough."""
    text = b'{"rank": 1, "workers": [], "versions": {}, "problem": null}'
    connection.sendall(b"KRN1" + len(text).to_bytes(4, "big") + text + 32 * b"\0")


ATTACKS = (
    says_nothing,
    closes,
    talks_http,
    sends_garbage,
    claims_much,
    says_it_is_worker_1,
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_stranger_is_rejected_and_the_workers_connect(
    attack: Callable[[socket.socket], None],
    addresses: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(worker_acceptor, "HELLO_TIMEOUT_SECONDS", 0.3)
    two = addresses[:2]
    with ThreadPoolExecutor(2) as pool:
        chief = pool.submit(meet, Cluster(two, 0), 20.0)
        with connected(two) as stranger:
            attack(stranger)
            if attack is not closes:
                until_closed(stranger)
            monkeypatch.setattr(worker_acceptor, "HELLO_TIMEOUT_SECONDS", 10.0)
            worker = pool.submit(meet, Cluster(two, 1), 20.0)
            close([chief, worker])
    said = capsys.readouterr().err
    assert said.count("refused 1 connection from strangers, the last from 127.0.0.1") == 1


def until_closed(connection: socket.socket) -> bytes:
    """The bytes received until the other end closes the connection."""
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(4096):
            said += part
    return said


@contextlib.contextmanager
def strangers_at_a_chief(
    addresses: tuple[str, ...], count: int
) -> Iterator[list[socket.socket]]:
    """Connections from strangers to a waiting chief, which a worker joins at the end."""
    two = addresses[:2]
    with ThreadPoolExecutor(2) as pool, contextlib.ExitStack() as stack:
        chief = pool.submit(meet, Cluster(two, 0), 60.0)
        yield [stack.enter_context(connected(two)) for _ in range(count)]
        close([chief, pool.submit(meet, Cluster(two, 1), 60.0)])


def test_stranger_sending_byte_by_byte_gets_no_extra_time(
    addresses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_acceptor, "HELLO_TIMEOUT_SECONDS", 0.5)
    num_sent = 0
    with strangers_at_a_chief(addresses, 1) as (stranger,):
        with contextlib.suppress(OSError):
            while num_sent < 60:  # 64 bytes would be an answer, and wrong
                stranger.sendall(b"x")
                num_sent += 1
                time.sleep(0.05)
        assert 0 < num_sent < 60
        monkeypatch.setattr(worker_acceptor, "HELLO_TIMEOUT_SECONDS", 10.0)


def test_workers_connect_while_strangers_occupy_the_chief(
    addresses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them waits until the time of another is over."""
    monkeypatch.setattr(worker_acceptor, "HELLO_TIMEOUT_SECONDS", 600.0)
    with strangers_at_a_chief(addresses, 20) as strangers:
        for stranger in strangers:
            stranger.sendall(b"half of an answer")


def test_oldest_stranger_is_dropped_when_too_many_connect(
    addresses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_acceptor, "MAX_PENDING", 3)
    with strangers_at_a_chief(addresses, 5) as strangers:
        for stranger in strangers[:2]:
            until_closed(stranger)
        for stranger in strangers[2:]:
            stranger.settimeout(0.1)
            with pytest.raises(TimeoutError):
                until_closed(stranger)


@pytest.mark.slow
def test_worker_without_the_secret_cannot_join(addresses: tuple[str, ...]) -> None:
    """Both sides say what to check."""
    two = addresses[:2]
    tokens = ("the one secret of all", "another secret of one")
    with ThreadPoolExecutor(2) as pool:
        futures = [
            pool.submit(meet, Cluster(two, rank), 1.5, token)
            for rank, token in enumerate(tokens)
        ]
    for future in futures:
        with pytest.raises(WorkerError, match="KERAUNOS_TOKEN the same for all workers"):
            future.result()


def test_worker_does_not_join_a_chief_without_proof(
    addresses: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """It waits for the real one."""
    two = addresses[:2]
    with ThreadPoolExecutor(2) as pool:
        with socket.create_server(("127.0.0.1", Cluster(two, 0).port)) as impostor:
            worker = pool.submit(meet, Cluster(two, 1), 20.0)
            with impostor.accept()[0] as connection:
                connection.sendall(b"KRN2" + 32 * b"\1")
                connection.recv(64, socket.MSG_WAITALL)
                connection.sendall(32 * b"\2")
                said = until_closed(connection)
        chief = pool.submit(meet, Cluster(two, 0), 20.0)
        close([chief, worker])
    assert said == b""  # not even who it is
    assert "has not proved" in capsys.readouterr().err


def test_workers_of_one_machine_listen_only_on_loopback() -> None:
    (port,) = free_ports(1)
    for host, seen in (("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1")):
        with ports.listen(Cluster((f"{host}:{port}", f"{host}:1"), 0)) as listener:
            assert listener.getsockname()[0] == seen
    with ports.listen(Cluster((f"127.0.0.1:{port}", "gpu02:1"), 0)) as listener:
        assert listener.getsockname()[0] in ("::", "0.0.0.0")


def test_several_machines_require_a_shared_secret() -> None:
    (port,) = free_ports(1)
    for rank in (0, 1):
        with pytest.raises(ConfigError, match=r"KERAUNOS_TOKEN is not set.*token_hex"):
            meet(Cluster((f"gpu01:{port}", f"gpu02:{port}"), rank), 5.0)


def test_worker_that_disconnects_early_is_named_at_once(addresses: tuple[str, ...]) -> None:
    with ThreadPoolExecutor(1) as pool:
        chief = pool.submit(meet, Cluster(addresses, 0), 60.0)
        worker = joined(addresses)
        worker.send(hello(addresses))
        worker.close()
    with pytest.raises(WorkerError, match=r"worker 1 .* disconnected"):
        chief.result()


def versions_of_chief() -> dict[str, str]:
    from importlib import metadata

    return {n: metadata.version(n) for n in ("keraunos", "tensorflow", "keras", "numpy")}
