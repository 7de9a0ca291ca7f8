"""Workers meet within a limit of time, or are told who is missing or wrong."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from keraunos import ConfigError, WorkerError
from keraunos.cli.launch import free_ports
from keraunos.core.cluster import Cluster
from keraunos.strategies.messages import receive, send
from keraunos.strategies.rendezvous import meet

Met = dict[int, socket.socket]


@pytest.fixture
def addresses() -> tuple[str, ...]:
    return tuple(f"127.0.0.1:{port}" for port in free_ports(3))


def all_meet(
    clusters: list[Cluster], seconds: float = 20.0, delays: Mapping[int, float] = {}
) -> list[Future[Met]]:
    """Lets workers meet, each in a thread, and waits until all have come to an end."""

    def come(place: int, cluster: Cluster) -> Met:
        time.sleep(delays.get(place, 0.0))
        return meet(cluster, seconds)

    with ThreadPoolExecutor(len(clusters)) as pool:
        return [pool.submit(come, *each) for each in enumerate(clusters)]


def close(futures: list[Future[Met]]) -> None:
    for future in futures:
        for connection in future.result().values():
            connection.close()


@pytest.mark.parametrize("late", [0, 1, 2])
def test_all_meet_whoever_comes_last(late: int, addresses: tuple[str, ...]) -> None:
    clusters = [Cluster(addresses, rank) for rank in range(3)]
    futures = all_meet(clusters, delays={late: 0.4})
    assert [sorted(future.result()) for future in futures] == [[1, 2], [0], [0]]
    chief, second = futures[0].result(), futures[2].result()
    send(chief[2], "for the second")
    assert receive(second[0]) == "for the second"
    close(futures)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_who_is_missing_is_named_to_all(missing: int, addresses: tuple[str, ...]) -> None:
    clusters = [Cluster(addresses, rank) for rank in range(3) if rank != missing]
    for future in all_meet(clusters, seconds=1.5):
        with pytest.raises(WorkerError, match=f"worker {missing}.*1.5 seconds") as caught:
            future.result()
        assert addresses[missing] in str(caught.value)


def with_other_workers(addresses: tuple[str, ...]) -> list[Cluster]:
    others = (*addresses[:2], addresses[2].replace("127.0.0.1", "localhost"))
    return [Cluster(addresses, 0), Cluster(addresses, 1), Cluster(others, 2)]


def with_one_twice(addresses: tuple[str, ...]) -> list[Cluster]:
    # Both on this machine would want the same port; the chief sees that first.
    return [Cluster(addresses, rank) for rank in (0, 1, 1)]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [(with_other_workers, "other workers"), (with_one_twice, "there twice")],
)
def test_workers_that_do_not_agree_are_refused_everywhere(
    wrong: Callable[..., Any], why: str, addresses: tuple[str, ...]
) -> None:
    futures = all_meet(wrong(addresses))
    for future in futures:
        with pytest.raises((ConfigError, WorkerError)):
            future.result()
    assert why in str(futures[0].exception())
    assert isinstance(futures[0].exception(), ConfigError)


def test_other_versions_are_refused(
    addresses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    chief = threading.Thread(target=lambda: failures.append(failure(addresses[:2])))
    failures: list[str] = []
    chief.start()
    host, port = addresses[0].split(":")
    with connected(host, int(port)) as worker:
        versions = {"tensorflow": "1.0"}
        send(worker, {"rank": 1, "workers": list(addresses[:2]), "versions": versions})
        assert "other versions" in receive(worker)["refused"]
    chief.join()
    assert "'tensorflow': '1.0'" in failures[0]


def failure(addresses: tuple[str, ...]) -> str:
    with pytest.raises(ConfigError) as caught:
        meet(Cluster(addresses, 0), 20.0)
    return str(caught.value)


def connected(host: str, port: int) -> socket.socket:
    """A connection, as soon as somebody listens."""
    while True:
        try:
            return socket.create_connection((host, port))
        except ConnectionRefusedError:
            time.sleep(0.01)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_port_that_is_taken_is_an_error_for_all(
    rank: int, addresses: tuple[str, ...]
) -> None:
    two = addresses[:2]
    with socket.create_server(("", int(two[rank].split(":")[1]))):
        futures = all_meet([Cluster(two, each) for each in (0, 1)], seconds=3.0)
    with pytest.raises(ConfigError, match="port"):
        futures[rank].result()
    assert isinstance(futures[1 - rank].exception(), ConfigError | WorkerError)


def test_somebody_else_who_connects_is_sent_away(addresses: tuple[str, ...]) -> None:
    two = addresses[:2]
    host, port = two[0].split(":")
    with ThreadPoolExecutor(2) as pool:
        chief = pool.submit(meet, Cluster(two, 0), 20.0)
        with connected(host, int(port)) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert stranger.recv(1) == b""
        worker = pool.submit(meet, Cluster(two, 1), 20.0)
    close([chief, worker])


def test_one_that_goes_away_again_is_named_at_once(addresses: tuple[str, ...]) -> None:
    host, port = addresses[0].split(":")
    with ThreadPoolExecutor(1) as pool:
        chief = pool.submit(meet, Cluster(addresses, 0), 60.0)
        hello = {"rank": 1, "workers": list(addresses), "versions": versions_of_chief()}
        with connected(host, int(port)) as worker:
            send(worker, hello)
    with pytest.raises(WorkerError, match=r"worker 1 .* went away"):
        chief.result()


def versions_of_chief() -> dict[str, str]:
    from importlib import metadata

    return {n: metadata.version(n) for n in ("keraunos", "tensorflow", "keras", "numpy")}
