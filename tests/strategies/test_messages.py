"""Messages of a worker arrive unchanged, and are never more than data of that worker."""

import socket
import threading
import time
from typing import Any

import numpy as np
import pytest
from keraunos.strategies.messages import MAX_TEXT_BYTES, Channel, Keys


def channels() -> tuple[socket.socket, Channel, socket.socket, Channel]:
    """Two ends of a connection, each with its socket."""
    ours, theirs = socket.socketpair()
    ends = Channel(ours, Keys(b"a", b"b")), Channel(theirs, Keys(b"b", b"a"))
    return ours, ends[0], theirs, ends[1]


def sent(value: Any) -> Any:
    """The value that the other end of a connection receives."""
    ours, sender, theirs, receiver = channels()
    with ours, theirs:
        thread = threading.Thread(target=sender.send, args=(value,))
        thread.start()
        received = receiver.receive()
        thread.join()
    return received


def bytes_of(value: Any) -> bytes:
    """The bytes of a value that is sent as the first message."""
    ours, sender, theirs, _ = channels()
    with ours, theirs:
        sender.send(value)
        return theirs.recv(1 << 20)


def received(*messages: bytes) -> Any:
    """The value that is decoded from bytes, of the last of several messages."""
    ours, _, theirs, receiver = channels()
    with ours, theirs:
        ours.sendall(b"".join(messages))
        ours.shutdown(socket.SHUT_WR)
        return [receiver.receive() for _ in messages][-1]


@pytest.mark.parametrize(
    "value", [None, True, 3, -0.1, "text", [], {}, [1, [2, {"a": None}]], {"a": [1.5, "b"]}]
)
def test_json_values_arrive_unchanged(value: Any) -> None:
    assert sent(value) == value


def test_non_finite_numbers_arrive_unchanged() -> None:
    low, high, nothing = sent([float("-inf"), float("inf"), float("nan")])
    assert (low, high) == (float("-inf"), float("inf"))
    assert np.isnan(nothing)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(300_000, dtype=np.float32).reshape(100, -1),
        np.array(2.5),
        np.zeros((0, 4), np.int64),
        np.array([True, False]),
        np.arange(24, dtype=np.uint8).reshape(2, 3, 4).transpose(2, 0, 1),
        np.float64(0.1),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_nested_arrays_arrive_bit_identical(array: Any) -> None:
    first, received, last = sent([1, {"deep": [array, array + array]}, "end"])
    assert (first, last) == (1, "end")
    for got, expected in zip(received["deep"], [array, array + array], strict=True):
        assert got.dtype == np.asarray(expected).dtype
        np.testing.assert_array_equal(got, expected)


def test_connection_closed_within_a_message_raises_eof_error() -> None:
    for length in range(len(bytes_of({"a": np.arange(3)}))):
        with pytest.raises(EOFError):
            received(bytes_of({"a": np.arange(3)})[:length])


def test_message_with_any_altered_byte_is_rejected() -> None:
    whole = bytes_of({"a": np.arange(3)})
    assert received(whole)["a"].tolist() == [0, 1, 2]
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        with pytest.raises((OSError, EOFError)):
            received(bytes(changed))


def test_replayed_message_is_rejected() -> None:
    assert received(bytes_of(["value", 1])) == ["value", 1]
    with pytest.raises(OSError, match="changed in transit"):
        received(bytes_of(["value", 1]), bytes_of(["value", 1]))


def test_reflected_message_is_rejected() -> None:
    ours, sender, theirs, _ = channels()
    with ours, theirs:
        sender.send("there")
        theirs.sendall(theirs.recv(1 << 16))  # and back
        with pytest.raises(OSError, match="changed in transit"):
            sender.receive()


def test_excessive_length_is_rejected_before_reading() -> None:
    with pytest.raises(OSError, match="is too long"):
        received((MAX_TEXT_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(EOFError):  # the bound itself is not
        received(MAX_TEXT_BYTES.to_bytes(4, "big"))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 100_000,
        '{"__array__": 3}',
        '{"__array__": ["O", [1]]}',
        '{"__array__": ["f4", [-1]]}',
        '{"__array__": ["no such dtype", [1]]}',
    ],
)
def test_malformed_message_raises_os_error(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("json.dumps", lambda value: text)
    whole = bytes_of(None)
    with pytest.raises(OSError, match="is invalid"):
        received(whole)


def test_deadline_applies_to_the_whole_message() -> None:
    ours, _, theirs, receiver = channels()
    is_over = threading.Event()

    def drip() -> None:
        ours.sendall((100).to_bytes(4, "big"))
        while not is_over.wait(0.02):
            ours.sendall(b"x")

    with ours, theirs:
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(TimeoutError):
                receiver.receive(deadline=time.monotonic() + 0.2)
        finally:
            is_over.set()
            thread.join()
