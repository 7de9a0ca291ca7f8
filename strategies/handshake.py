"""How two workers prove to each other that they know the secret of their run.

Each side sends a random challenge, and answers that of the other with a code (HMAC-SHA256)
that only one who knows the secret can compute. The secret itself never travels, an answer
is worth nothing on another connection, and the side that connects proves it first: somebody
who merely tries learns nothing to guess at. All parts have a fixed size.

    chief  -> worker   "KRN2", the chief's challenge
    worker -> chief    the worker's challenge, its proof
    chief  -> worker   the chief's proof

The keys of all messages that follow come from both challenges as well.
"""

import hmac
import secrets
import socket

from .messages import CODE_BYTES, Channel, Keys, Reading

GREETING = b"KRN2"
CHALLENGE_BYTES = 32


def admit(connection: socket.socket, token: str) -> Reading[Channel]:
    """The chief's side.

    Raises:
        PermissionError: The other end has proved nothing.
    """
    ours = secrets.token_bytes(CHALLENGE_BYTES)
    connection.send(GREETING + ours)
    answer = yield CHALLENGE_BYTES + CODE_BYTES
    challenges = ours + answer[:CHALLENGE_BYTES]
    _require(answer[CHALLENGE_BYTES:], _code(token, b"worker", challenges))
    connection.send(_code(token, b"chief", challenges))
    to_worker, to_chief = _keys(token, challenges)
    return Channel(connection, Keys(send=to_worker, receive=to_chief))


def introduce(connection: socket.socket, token: str) -> Reading[Channel]:
    """The side of a worker that has connected to the chief.

    Raises:
        PermissionError: The other end is not the chief of this run.
    """
    greeting = yield len(GREETING) + CHALLENGE_BYTES
    if not greeting.startswith(GREETING):
        raise PermissionError("this is not a worker of Keraunos")
    ours = secrets.token_bytes(CHALLENGE_BYTES)
    challenges = greeting[len(GREETING) :] + ours
    connection.sendall(ours + _code(token, b"worker", challenges))
    _require((yield CODE_BYTES), _code(token, b"chief", challenges))
    to_worker, to_chief = _keys(token, challenges)
    return Channel(connection, Keys(send=to_chief, receive=to_worker))


def _require(proof: bytearray, expected: bytes) -> None:
    if not hmac.compare_digest(bytes(proof), expected):
        raise PermissionError("it does not know the secret")


def _keys(token: str, challenges: bytes | bytearray) -> tuple[bytes, bytes]:
    to_worker, to_chief = (
        _code(token, purpose, challenges) for purpose in (b"to worker", b"to chief")
    )
    return to_worker, to_chief


def _code(token: str, purpose: bytes, challenges: bytes | bytearray) -> bytes:
    """The purposes differ, so that no answer can be sent back as another one."""
    return hmac.digest(token.encode(), purpose + b"\0" + challenges, "sha256")
