"""What a worker sends arrives as it was, and is never more than data."""

import socket
import threading
from typing import Any

import numpy as np
import pytest
from keraunos.strategies.messages import receive, send


def sent(value: Any) -> Any:
    """What the other end of a connection gets."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=send, args=(ours, value))
        sender.start()
        received = receive(theirs)
        sender.join()
    return received


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
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(b"KRN1\x00\x00\x00\xff{")
        with pytest.raises(EOFError):
            receive(theirs)


def test_what_somebody_else_sends_is_no_message() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(OSError, match="not a worker"):
            receive(theirs)
