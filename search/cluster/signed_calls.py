"""Calls between the chief of a search and its workers, which both sides sign.

A call names a challenge that the chief has handed out, a number that is used once, and the
SHA-256 of its request. A code (HMAC-SHA256) under the secret of the search covers all of
them and the method, and the answer is signed for that very call. gRPC carries this as
metadata, so that a call of a stranger is refused before its request is read, which could
take forever.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError

from ...core.strangers import Strangers

PROOF = "keraunos-proof"
CHALLENGE = "keraunos-challenge"
MAX_MESSAGE_BYTES = 4 << 20
MAX_CALLS_A_CHALLENGE = 100_000  # whose numbers are remembered
NOT_UNDERSTOOD = b"not understood"
_BAD_MESSAGE = (ValueError, KeyError, TypeError, RecursionError, DecodeError)

Metadata = Sequence[tuple[str, str]]


class Proof(NamedTuple):
    """What a call says of itself, in `PROOF`, with full stops between.

    Attributes:
        challenge: Which the chief has handed out.
        number: Random, of this call alone.
        digest: SHA-256 of the request.
        code: Which only one who knows the secret can compute of these.
    """

    challenge: str
    number: str
    digest: str
    code: str


def sign_call(token: str, method: str, challenge: str, request: bytes) -> Proof:
    """The proof of a call."""
    number, digest = secrets.token_hex(16), hashlib.sha256(request).hexdigest()
    code = _code(token, "call", method, challenge, number, digest)
    return Proof(challenge, number, digest, code)


def sign_answer(token: str, method: str, call: Proof, answer: bytes) -> str:
    """The code of the answer to a call."""
    digest = hashlib.sha256(answer).hexdigest()
    return _code(token, "answer", method, call.number, digest)


def value_of(metadata: Iterable[Any] | None, name: str) -> str:
    """What metadata have under a name; empty if nothing."""
    for key, value in metadata or ():
        if key == name and isinstance(value, str):
            return value
    return ""


def _code(token: str, *parts: str) -> str:
    text = "\0".join(parts)
    return hmac.digest(token.encode(), text.encode(), "sha256").hex()


class OnlySigned(grpc.ServerInterceptor):
    """Accepts only signed calls, and signs the responses.

    Args:
        token: The secret.
        methods: The names of those that are answered at all.
        strangers: Counts the calls that are refused.
    """

    def __init__(self, token: str, methods: Iterable[str], strangers: Strangers) -> None:
        self._token = token
        self._methods = frozenset(methods)
        self._strangers = strangers
        self._renew()

    def _renew(self) -> None:
        self._challenge = secrets.token_hex(16)
        self._seen: set[str] = set()

    def intercept_service(
        self, continuation: Callable[[Any], Any], details: grpc.HandlerCallDetails
    ) -> Any:
        """Chooses what answers a call; gRPC asks for one after another."""
        handler = continuation(details)
        if handler is None or details.method.rpartition("/")[2] not in self._methods:
            return None
        proof = _read(details)
        if proof is None or not self._is_right(proof, details.method):
            return self._refusing(is_stranger=True)
        if proof.challenge != self._challenge or proof.number in self._seen:
            return self._refusing(is_stranger=False)  # a worker of an earlier chief
        self._seen.add(proof.number)
        if len(self._seen) >= MAX_CALLS_A_CHALLENGE:
            self._renew()
        return self._answering(handler, details.method, proof)

    def _is_right(self, proof: Proof, method: str) -> bool:
        expected = _code(self._token, "call", method, *proof[:3])
        return hmac.compare_digest(proof.code.encode(), expected.encode())

    def _answering(self, handler: Any, method: str, proof: Proof) -> Any:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                if hashlib.sha256(request).hexdigest() != proof.digest:
                    raise ValueError("the request differs from the signed one")
                message = handler.request_deserializer(request)
                body = handler.response_serializer(handler.unary_unary(message, context))
            except _BAD_MESSAGE:
                body = NOT_UNDERSTOOD
            code = sign_answer(self._token, method, proof, body)
            context.set_trailing_metadata(((PROOF, code),))
            if body == NOT_UNDERSTOOD:
                self._strangers.add(context.peer())
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not understood")
            return body

        return grpc.unary_unary_rpc_method_handler(answer)

    def _refusing(self, is_stranger: bool) -> Any:
        """Rejects at once, without waiting for a request that may never come."""
        challenge = self._challenge

        def refuse(_: Any, context: grpc.ServicerContext) -> None:
            if is_stranger:
                self._strangers.add(context.peer())
            context.set_trailing_metadata(((CHALLENGE, challenge),))
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "not signed")

        return grpc.stream_unary_rpc_method_handler(refuse)


def _read(details: grpc.HandlerCallDetails) -> Proof | None:
    parts = value_of(details.invocation_metadata, PROOF).split(".")
    return Proof(*parts) if len(parts) == len(Proof._fields) else None
