"""Signed calls between the chief of a search and its workers.

A call contains a challenge issued by the chief, a nonce, the SHA-256 of its request, and an
HMAC-SHA256 code of these and the method, with the secret of the search. The response is
signed for this call. Signatures are gRPC metadata, so that an unauthenticated call is
rejected before its request is read, which could take forever.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError

from ...core.rejections import RejectionCounter

PROOF = "keraunos-proof"
CHALLENGE = "keraunos-challenge"
MAX_MESSAGE_BYTES = 4 << 20
MAX_CALLS_PER_CHALLENGE = 100_000  # the nonces of a challenge are stored
NOT_UNDERSTOOD = b"not understood"
_BAD_MESSAGE = (ValueError, KeyError, TypeError, RecursionError, DecodeError)

Metadata = Sequence[tuple[str, str]]


class Proof(NamedTuple):
    """The signature of a call, sent as `PROOF`, separated by full stops.

    Attributes:
        challenge: The challenge issued by the chief.
        number: A nonce.
        digest: SHA-256 of the request.
        code: HMAC-SHA256 code of these, which requires the secret.
    """

    challenge: str
    number: str
    digest: str
    code: str


def sign_call(token: str, method: str, challenge: str, request: bytes) -> Proof:
    """Signs a call."""
    number, digest = secrets.token_hex(16), hashlib.sha256(request).hexdigest()
    code = _code(token, "call", method, challenge, number, digest)
    return Proof(challenge, number, digest, code)


def sign_answer(token: str, method: str, call: Proof, answer: bytes) -> str:
    """Computes the code of the response to a call."""
    digest = hashlib.sha256(answer).hexdigest()
    return _code(token, "answer", method, call.number, digest)


def value_of(metadata: Iterable[Any] | None, name: str) -> str:
    """Returns the value of a name in metadata, or an empty string."""
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
        methods: Names of the methods that can be called.
        rejections: Counts rejected calls.
    """

    def __init__(
        self, token: str, methods: Iterable[str], rejections: RejectionCounter
    ) -> None:
        self._token = token
        self._methods = frozenset(methods)
        self._rejections = rejections
        self._renew()

    def _renew(self) -> None:
        self._challenge = secrets.token_hex(16)
        self._seen: set[str] = set()

    def intercept_service(
        self, continuation: Callable[[Any], Any], details: grpc.HandlerCallDetails
    ) -> Any:
        """Returns the handler of a call; gRPC calls this sequentially."""
        handler = continuation(details)
        if handler is None or details.method.rpartition("/")[2] not in self._methods:
            return None
        proof = _read(details)
        if proof is None or not self._is_right(proof, details.method):
            return self._refusing(is_stranger=True)
        if proof.challenge != self._challenge or proof.number in self._seen:
            return self._refusing(is_stranger=False)  # challenge of an earlier chief
        self._seen.add(proof.number)
        if len(self._seen) >= MAX_CALLS_PER_CHALLENGE:
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
                self._rejections.add(context.peer())
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not understood")
            return body

        return grpc.unary_unary_rpc_method_handler(answer)

    def _refusing(self, is_stranger: bool) -> Any:
        """Rejects at once, without waiting for a request that may never come."""
        challenge = self._challenge

        def refuse(_: Any, context: grpc.ServicerContext) -> None:
            if is_stranger:
                self._rejections.add(context.peer())
            context.set_trailing_metadata(((CHALLENGE, challenge),))
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "not signed")

        return grpc.stream_unary_rpc_method_handler(refuse)


def _read(details: grpc.HandlerCallDetails) -> Proof | None:
    parts = value_of(details.invocation_metadata, PROOF).split(".")
    return Proof(*parts) if len(parts) == len(Proof._fields) else None
