"""Mutual authentication of two workers with the shared secret of their run.

Each side sends a random challenge, and answers the other's with an HMAC-SHA256 code that
requires the secret. The secret itself is never sent, and an answer is valid for one
connection only. The connecting side authenticates first, so that an attacker who connects
gets no code to guess the secret from. All parts have a fixed size.

    chief  -> worker   "KRN2", the chief's challenge
    worker -> chief    the worker's challenge, its proof
    chief  -> worker   the chief's proof

The keys of all later messages are derived from both challenges.
"""

import hmac
import secrets
import socket

from .messages import CODE_BYTES, Channel, Keys, Reading

GREETING = b"KRN2"
CHALLENGE_BYTES = 32


def admit(connection: socket.socket, token: str) -> Reading[Channel]:
    """Performs the chief's side of the handshake.

    Raises:
        PermissionError: The other side does not know the secret.
    """
    ours = secrets.token_bytes(CHALLENGE_BYTES)
    connection.send(GREETING + ours)
    answer = yield CHALLENGE_BYTES + CODE_BYTES
    challenges = ours + answer[:CHALLENGE_BYTES]
    _require_proof(answer[CHALLENGE_BYTES:], _code(token, b"worker", challenges))
    connection.send(_code(token, b"chief", challenges))
    to_worker, to_chief = _keys(token, challenges)
    return Channel(connection, Keys(send=to_worker, receive=to_chief))


def introduce(connection: socket.socket, token: str) -> Reading[Channel]:
    """Performs the side of a worker that has connected to the chief.

    Raises:
        PermissionError: The other side is not the chief of this run.
    """
    greeting = yield len(GREETING) + CHALLENGE_BYTES
    if not greeting.startswith(GREETING):
        raise PermissionError("this is not a worker of Keraunos")
    ours = secrets.token_bytes(CHALLENGE_BYTES)
    challenges = greeting[len(GREETING) :] + ours
    connection.sendall(ours + _code(token, b"worker", challenges))
    _require_proof((yield CODE_BYTES), _code(token, b"chief", challenges))
    to_worker, to_chief = _keys(token, challenges)
    return Channel(connection, Keys(send=to_chief, receive=to_worker))


def _require_proof(proof: bytearray, expected: bytes) -> None:
    if not hmac.compare_digest(bytes(proof), expected):
        raise PermissionError("it does not know the secret")


def _keys(token: str, challenges: bytes | bytearray) -> tuple[bytes, bytes]:
    to_worker, to_chief = (
        _code(token, purpose, challenges) for purpose in (b"to worker", b"to chief")
    )
    return to_worker, to_chief


def _code(token: str, purpose: bytes, challenges: bytes | bytearray) -> bytes:
    """Computes a code; different purposes prevent an answer from being reflected."""
    return hmac.digest(token.encode(), purpose + b"\0" + challenges, "sha256")
