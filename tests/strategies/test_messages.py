"""What a worker sends arrives as it was, and is never more than data of that worker."""

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
    """What the other end of a connection gets."""
    ours, sender, theirs, receiver = channels()
    with ours, theirs:
        thread = threading.Thread(target=sender.send, args=(value,))
        thread.start()
        received = receiver.receive()
        thread.join()
    return received


def bytes_of(value: Any) -> bytes:
    """What travels when a value is the first that is sent."""
    ours, sender, theirs, _ = channels()
    with ours, theirs:
        sender.send(value)
        return theirs.recv(1 << 20)


def received(*messages: bytes) -> Any:
    """What is made of bytes, the last of several messages."""
    ours, _, theirs, receiver = channels()
    with ours, theirs:
        ours.sendall(b"".join(messages))
        ours.shutdown(socket.SHUT_WR)
        return [receiver.receive() for _ in messages][-1]


@pytest.mark.parametrize(
    "value", [None, True, 3, -0.1, "text", [], {}, [1, [2, {"a": None}]], {"a": [1.5, "b"]}]
)
def test_what_json_can_hold_arrives(value: Any) -> None:
    assert sent(value) == value


def test_numbers_that_are_not_finite_arrive() -> None:
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
def test_arrays_arrive_at_their_places_bit_by_bit(array: Any) -> None:
    first, received, last = sent([1, {"deep": [array, array + array]}, "end"])
    assert (first, last) == (1, "end")
    for got, expected in zip(received["deep"], [array, array + array], strict=True):
        assert got.dtype == np.asarray(expected).dtype
        np.testing.assert_array_equal(got, expected)


def test_a_connection_that_closes_within_a_message_is_told() -> None:
    for length in range(len(bytes_of({"a": np.arange(3)}))):
        with pytest.raises(EOFError):
            received(bytes_of({"a": np.arange(3)})[:length])


def test_what_was_changed_in_any_byte_is_refused() -> None:
    whole = bytes_of({"a": np.arange(3)})
    assert received(whole)["a"].tolist() == [0, 1, 2]
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        with pytest.raises((OSError, EOFError)):
            received(bytes(changed))


def test_what_was_sent_before_is_no_message_a_second_time() -> None:
    assert received(bytes_of(["value", 1])) == ["value", 1]
    with pytest.raises(OSError, match="changed in transit"):
        received(bytes_of(["value", 1]), bytes_of(["value", 1]))


def test_what_goes_the_other_way_is_no_message() -> None:
    ours, sender, theirs, _ = channels()
    with ours, theirs:
        sender.send("there")
        theirs.sendall(theirs.recv(1 << 16))  # and back
        with pytest.raises(OSError, match="changed in transit"):
            sender.receive()


def test_a_length_beyond_the_bound_is_refused_before_anything_is_read() -> None:
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
def test_what_makes_no_sense_is_an_error_of_the_connection(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("json.dumps", lambda value: text)
    whole = bytes_of(None)
    with pytest.raises(OSError, match="is invalid"):
        received(whole)


def test_a_deadline_is_that_of_all_bytes_together() -> None:
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
