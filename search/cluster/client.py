"""A client for the chief, over Keras Tuner's gRPC service.

Keras Tuner's own client takes up to two minutes to reconnect to a restarted chief, and
fails if the chief ends while it responds.
"""

import hmac
import time
from typing import Any

import grpc

from ...core.console import notify
from ...core.errors import ConfigError, KeraunosError, WorkerError, message
from ...core.secret import TOKEN_VARIABLE
from ..tuning.service import (
    SERVICE,
    TrialMessage,
    create_trial_request,
    end_trial_request,
    get_trial_request,
    read_created_trial,
)
from .signed_calls import (
    CHALLENGE,
    MAX_MESSAGE_BYTES,
    NOT_UNDERSTOOD,
    PROOF,
    sign_answer,
    sign_call,
    value_of,
)

SECONDS_BETWEEN_TRIES = 0.2
_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
]


class ChiefClient:
    """Calls the chief, with retries while it is unavailable or not authenticated.

    Args:
        address: Address of the chief.
        token: The secret that the chief shares with its workers.
        patience: Seconds after which an unanswered request is an error.

    Example:
        >>> ChiefClient("127.0.0.1:8000", "0123456789abcdef", patience=60.0).patience
        60.0
    """

    def __init__(self, address: str, token: str, patience: float) -> None:
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._address = address
        self._token = token
        self._challenge = ""
        self._is_noted = False
        self.patience = patience

    def create_trial(self, sender: str) -> TrialMessage:
        """Requests a trial."""
        answer = self._ask("CreateTrial", create_trial_request(sender))
        return read_created_trial(answer)

    def get_trial(self, sender: str) -> None:
        """Reports that a trial is still running."""
        self._ask("GetTrial", get_trial_request(sender))

    def end_trial(self, ended: TrialMessage) -> None:
        """Reports the outcome of a trial."""
        self._ask("EndTrial", end_trial_request(ended))

    def _ask(self, name: str, request: bytes) -> bytes:
        """Sends a request and returns the response of the chief.

        Raises:
            WorkerError: The chief did not respond or authenticate in time.
            ConfigError: The chief does not understand the request.
        """
        deadline = time.monotonic() + self.patience
        method = f"{SERVICE}/{name}"
        while True:
            seconds = max(deadline - time.monotonic(), SECONDS_BETWEEN_TRIES)
            answer, status = self._call(method, request, seconds)
            if answer is not None:
                return answer
            if time.monotonic() > deadline:
                raise self._chief_lost_error(status)
            time.sleep(SECONDS_BETWEEN_TRIES)

    def _call(
        self, method: str, body: bytes, seconds: float
    ) -> tuple[bytes | None, grpc.StatusCode]:
        """Calls once; returns the response, None if not authenticated, and the status."""
        proof = sign_call(self._token, method, self._challenge, body)
        metadata = ((PROOF, ".".join(proof)),)
        call = self._channel.unary_unary(method)
        try:
            answer, done = call.with_call(
                body, metadata=metadata, wait_for_ready=True, timeout=seconds
            )
        except grpc.RpcError as error:
            answer, done = NOT_UNDERSTOOD, error
        code = value_of(done.trailing_metadata(), PROOF)
        expected = sign_answer(self._token, method, proof, answer)
        if not hmac.compare_digest(code.encode(), expected.encode()):
            self._take_challenge(done)
            return None, done.code()
        if answer == NOT_UNDERSTOOD:
            raise self._incompatible_chief_error()
        return answer, done.code()

    def _take_challenge(self, refused: Any) -> None:
        challenge = value_of(refused.trailing_metadata(), CHALLENGE)
        if challenge and challenge == self._challenge and not self._is_noted:
            self._is_noted = True
            notify(
                f"note: the process that answers at {self._address} does not accept this "
                f"worker's {TOKEN_VARIABLE}; trying again"
            )
        self._challenge = challenge or self._challenge

    def _chief_lost_error(self, status: grpc.StatusCode) -> KeraunosError:
        seconds = f"{self.patience:g} seconds"
        is_refused = status is grpc.StatusCode.UNAUTHENTICATED
        hint = f"Is {TOKEN_VARIABLE} the same for both? " if is_refused else ""
        return WorkerError(
            message(
                f"The chief of the search must answer within {seconds}.",
                f"{hint}A running trial is saved: start the chief and this worker again "
                "with the same commands to continue.",
                address=self._address,
            )
        )

    def _incompatible_chief_error(self) -> KeraunosError:
        return ConfigError(
            message(
                "The chief must understand the messages of this worker.",
                "Install the same version of Keraunos and Keras Tuner for both.",
                address=self._address,
            )
        )
