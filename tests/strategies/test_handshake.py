"""Both ends of a connection prove that they know the secret, or learn nothing."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from keraunos.strategies.handshake import GREETING, admit, introduce
from keraunos.strategies.messages import read_all

TOKEN = "the secret of this run"


def both(chief_token: str, worker_token: str) -> tuple[Any, Any]:
    """The result of either side: its channel or an exception."""
    ours, theirs = socket.socketpair()

    def side(connection: socket.socket, reading: Any) -> Any:
        try:
            return read_all(connection, reading, time.monotonic() + 20.0)
        except (OSError, EOFError) as error:
            connection.close()
            return error

    with ThreadPoolExecutor(2) as pool:
        chief = pool.submit(side, ours, admit(ours, chief_token))
        worker = pool.submit(side, theirs, introduce(theirs, worker_token))
    return chief.result(), worker.result()


def test_ends_with_the_same_secret_can_communicate() -> None:
    chief, worker = both(TOKEN, TOKEN)
    chief.send("to the worker")
    worker.send("to the chief")
    assert (worker.receive(), chief.receive()) == ("to the worker", "to the chief")
    chief.close()
    worker.close()


def test_reflected_message_is_rejected() -> None:
    chief, worker = both(TOKEN, TOKEN)
    chief.send("to the worker")
    connection = worker._connection
    connection.sendall(connection.recv(4096))  # back to the sender
    with pytest.raises(OSError, match="changed in transit"):
        chief.receive()
    chief.close()
    worker.close()


def test_worker_with_a_wrong_secret_is_rejected() -> None:
    chief, worker = both(TOKEN, TOKEN + "?")
    assert isinstance(chief, PermissionError)
    assert isinstance(worker, EOFError)


def heard(connection: socket.socket, size: int) -> bytes:
    return connection.recv(size, socket.MSG_WAITALL)


def recorded() -> tuple[bytes, bytes]:
    """The messages of a worker and the chief in a successful handshake."""
    worker, chief, reading, _ = started()
    with worker, chief:
        joining = introduce(worker, TOKEN)
        next(joining)
        joining.send(bytearray(heard(worker, 36)))
        answer = heard(chief, 64)
        with pytest.raises(StopIteration):
            reading.send(bytearray(answer))
        return answer, heard(worker, 32)


def started() -> tuple[socket.socket, socket.socket, Any, bytes]:
    """A chief that has sent its challenge, which is still on its way."""
    worker, chief = socket.socketpair()
    reading = admit(chief, TOKEN)
    next(reading)
    return worker, chief, reading, worker.recv(36, socket.MSG_PEEK)


def test_replayed_answer_is_rejected_on_another_connection() -> None:
    answer, _ = recorded()
    worker, chief, reading, _ = started()
    with worker, chief, pytest.raises(PermissionError):
        reading.send(bytearray(answer))


def test_challenges_never_repeat() -> None:
    challenges = set()
    for _ in range(5):
        worker, chief, _, challenge = started()
        with worker, chief:
            challenges.add(challenge)
    assert len(challenges) == 5


def made_up(impostor: socket.socket) -> bytes:
    return b"\0" * 32


def of_another_connection(impostor: socket.socket) -> bytes:
    return recorded()[1]


def of_the_worker_itself(impostor: socket.socket) -> bytes:
    return heard(impostor, 64)[32:]


@pytest.mark.parametrize("claim", [made_up, of_another_connection, of_the_worker_itself])
def test_chief_must_also_prove_that_it_knows_the_secret(
    claim: Callable[[socket.socket], bytes],
) -> None:
    worker, impostor = socket.socketpair()
    with worker, impostor:
        joining = introduce(worker, TOKEN)
        next(joining)
        joining.send(bytearray(GREETING + b"\1" * 32))
        with pytest.raises(PermissionError):
            joining.send(bytearray(claim(impostor)))


def test_secret_is_never_sent_and_a_stranger_gets_only_a_challenge() -> None:
    answer, proof = recorded()
    assert TOKEN.encode() not in answer + proof
    worker, chief, reading, _ = started()
    with worker, chief:
        heard(worker, 36)
        with pytest.raises(PermissionError):
            reading.send(bytearray(b"x" * 64))
        worker.setblocking(False)
        with pytest.raises(BlockingIOError):
            worker.recv(1)


def test_worker_detects_a_server_that_is_not_a_chief() -> None:
    worker, other = socket.socketpair()
    with worker, other:
        joining = introduce(worker, TOKEN)
        next(joining)
        with pytest.raises(PermissionError, match="not a worker"):
            joining.send(bytearray(b"HTTP/1.1 400 Bad Request\r\n".ljust(36)))
