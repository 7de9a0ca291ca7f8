"""Workers agree, and learn within a time limit that another has ended."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas
from keraunos import ConfigError, WorkerError
from keraunos.core.cluster import Cluster
from keraunos.strategies import ALONE, current_workers, init_workers, workers_of
from keraunos.strategies.messages import Channel, Keys
from keraunos.strategies.workers import ConnectedWorkers
from programs import wait_for

ADDRESSES = ("a:1", "b:2", "c:3")
LOST_SECONDS = 3.0


def channel_pair() -> tuple[Channel, Channel]:
    """Both ends of a connection."""
    ours, theirs = socket.socketpair()
    return Channel(ours, Keys(b"a", b"b")), Channel(theirs, Keys(b"b", b"a"))


@contextlib.contextmanager
def three() -> Iterator[tuple[list[ConnectedWorkers], list[str], list[Channel]]]:
    """Three workers in this process, the reasons of losses, and the ends of two."""
    lost: list[str] = []
    pairs = [channel_pair() for _ in range(2)]
    chief = {rank: pairs[rank - 1][0] for rank in (1, 2)}
    connections = [chief, {0: pairs[0][1]}, {0: pairs[1][1]}]
    workers = [
        ConnectedWorkers(Cluster(ADDRESSES, rank), each, LOST_SECONDS, lost.append)
        for rank, each in enumerate(connections)
    ]
    try:
        yield workers, lost, [pair[1] for pair in pairs]
    finally:
        for worker in workers:
            worker.done()
        for connection in [each for pair in pairs for each in pair]:
            connection.close()


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What concurrent calls return or raise."""

    def caught(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except WorkerError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(caught, calls))


def test_single_process_returns_its_own_values() -> None:
    value = object()
    assert ALONE.gather(value) == [value]
    assert ALONE.share(value) is value
    assert ALONE.is_chief
    assert ALONE.ahead(test_single_process_returns_its_own_values) is (
        test_single_process_returns_its_own_values
    )


def test_gather_returns_all_values_in_rank_order() -> None:
    with three() as (workers, _, _):
        for value in range(50):
            calls = [lambda w=w, v=value: w.gather([w.rank, v]) for w in workers]
            assert at_once(*calls) == [[[rank, value] for rank in range(3)]] * 3


def test_share_sends_the_value_of_the_chief_to_all() -> None:
    array = np.arange(100_000.0)
    with three() as (workers, _, _):
        calls = [lambda w=w: w.share({"a": array * (w.rank + 1)})["a"] for w in workers]
        for got in at_once(*calls):
            np.testing.assert_array_equal(got, array)


def test_value_read_ahead_is_returned_every_time() -> None:
    values = iter(range(10))
    with three() as (workers, _, _):
        read = workers[0].ahead(lambda: next(values))
        assert [read(), read()] == [0, 0]


def test_worker_that_ends_unexpectedly_is_named_to_all_others() -> None:
    with three() as (workers, lost, ends):
        ends[0].shutdown()  # as the system does for one that is killed
        answers = at_once(*(lambda w=w: w.gather(0) for w in workers[::2]))
        for error in answers:
            assert isinstance(error, WorkerError)
            assert "worker 1 (b:2) ended unexpectedly" in str(error)
        assert lost.count(str(answers[0])) == 2


def test_error_of_one_worker_reaches_all_others_with_its_message() -> None:
    def fails() -> None:
        with workers[2].together():
            raise LookupError("no such image")

    with three() as (workers, _, _):
        with pytest.raises(LookupError):
            fails()
        for error in at_once(*(lambda w=w: w.gather(0) for w in workers[:2])):
            assert "worker 2 (c:3) failed: LookupError: no such image" in str(error)


def test_lost_chief_is_named() -> None:
    with three() as (workers, _, _):
        workers[0].fail(OSError("disk"))
        for error in at_once(*(lambda w=w: w.share(None) for w in workers[1:])):
            assert "worker 0, the chief (a:1) failed: OSError: disk" in str(error)


@pytest.mark.slow
@pytest.mark.parametrize("ends", [False, True])
def test_worker_that_does_not_react_to_a_lost_one_is_ended(
    ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []
    monkeypatch.setattr("keraunos.strategies.workers.EXIT_SECONDS", 1.0)
    monkeypatch.setattr("os._exit", codes.append)
    with three() as (workers, lost, _):
        workers[0].fail(OSError("disk"))
        while len(lost) < 2:
            time.sleep(0.01)
        for worker in workers[1:] if ends else []:  # by an error of its own
            worker.fail(OSError("disk"))
        if ends:
            time.sleep(1.5)
        else:
            wait_for(lambda: len(codes) == 2)
    assert codes == ([] if ends else [6, 6])


@pytest.mark.slow
def test_silent_worker_is_lost_after_the_time_limit() -> None:
    """The other end of the connection receives everything, and sends nothing."""
    lost: list[str] = []
    ours, theirs = channel_pair()
    with contextlib.closing(ours), contextlib.closing(theirs):
        cluster = Cluster(ADDRESSES[:2], 0)
        chief = ConnectedWorkers(cluster, {1: ours}, LOST_SECONDS, lost.append)
        with pytest.raises(WorkerError, match=r"worker 1 .*no heartbeat for 3 sec"):
            chief.gather(0)
        assert len(lost) == 1


@pytest.mark.slow
def test_busy_worker_is_not_lost() -> None:
    with three() as (workers, lost, _):

        def late() -> list[Any]:
            time.sleep(LOST_SECONDS + 1.5)
            return workers[1].gather(1)

        answers = at_once(lambda: workers[0].gather(0), late, lambda: workers[2].gather(2))
        assert answers == [[0, 1, 2]] * 3
        assert not lost


def test_finished_worker_is_not_lost_until_others_wait_for_it() -> None:
    with three() as (workers, lost, ends):
        workers[1].done()
        ends[0].shutdown()
        time.sleep(0.2)
        assert not lost
        with pytest.raises(WorkerError, match=r"worker 1 .* ended before"):
            workers[0].gather(0)


def test_tensorflow_error_names_the_lost_worker() -> None:
    with three() as (workers, _, ends):
        ends[1].shutdown()
        with pytest.raises(WorkerError, match="worker 2"), workers[0].together():
            raise tf.errors.UnavailableError(None, None, "Collective ops is aborted")


@pytest.mark.slow
def test_heartbeats_are_sent_and_invalid_messages_are_an_error() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        cluster = Cluster(ADDRESSES[:2], 0)
        channel = Channel(ours, Keys(b"a", b"b"))
        chief = ConnectedWorkers(cluster, {1: channel}, LOST_SECONDS, lambda reason: None)
        worker = Channel(theirs, Keys(b"b", b"a"))
        assert worker.receive() == ["alive", None]
        worker.send(["value", 5])
        assert chief.gather(4) == [4, 5]
        theirs.sendall(b"something else than a message")
        with pytest.raises(WorkerError, match="worker 1"):
            chief.gather(4)
        chief._is_notified.set()


def test_process_without_a_cluster_is_its_only_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert init_workers() is current_workers() is ALONE
    assert workers_of(replicas(1)) is workers_of(replicas(2)) is ALONE


def test_late_init_workers_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tf.constant(1)
    monkeypatch.setenv("TF_CONFIG", Cluster(ADDRESSES[:2], 0).tf_config())
    with pytest.raises(ConfigError, match="first line of the program"):
        init_workers()


def test_heartbeats_report_the_status_of_each_worker_to_the_chief() -> None:
    with three() as (workers, _, _), contextlib.ExitStack() as stack:
        for worker in workers:
            status = [10 * worker.rank, "training", worker.rank == 2]
            stack.enter_context(worker.reporting(lambda status=status: status))
        chief = workers[0]
        wait_for(
            lambda: all(each.status and each.own_status for each in chief.heartbeats())
        )
        first, second = chief.heartbeats()
        assert (first.rank, first.status, first.own_status) == (
            1,
            [10, "training", False],
            [0, "training", False],
        )
        assert (second.rank, second.status[2]) == (2, True)
        assert first.silent_seconds < LOST_SECONDS
        assert [each.rank for each in workers[2].heartbeats()] == [0]
    assert ALONE.heartbeats() == []
