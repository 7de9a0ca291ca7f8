"""What a worker asks its chief, by Keras Tuner's gRPC service.

Keras Tuner's own client takes up to two minutes to find a chief that is back, and gives up
where the chief goes in the middle of an answer.
"""

import time
from typing import Any

import grpc
from keras_tuner.src import protos
from keras_tuner.src.engine.trial import Trial as Message

SECONDS_BETWEEN_TRIES = 0.2
_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
]
_IS_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class ChiefClient:
    """Asks the chief, again and again while it is away.

    Args:
        address: Where it answers.
        patience: Seconds, after which a question that has no answer is an error.

    Example:
        >>> ChiefClient("127.0.0.1:8000", patience=60.0).patience
        60.0
    """

    def __init__(self, address: str, patience: float) -> None:
        channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._stub = protos.get_service_grpc().OracleStub(channel)
        self.patience = patience

    def create_trial(self, sender: str) -> Message:
        """Asks for something to do."""
        request = protos.get_service().CreateTrialRequest(tuner_id=sender)
        return Message.from_proto(self._ask("CreateTrial", request).trial)

    def get_trial(self, sender: str) -> None:
        """Says that it is still at it."""
        self._ask("GetTrial", protos.get_service().GetTrialRequest(trial_id=sender))

    def end_trial(self, told: Message) -> None:
        """Says what came of it."""
        request = protos.get_service().EndTrialRequest(trial=told.to_proto())
        self._ask("EndTrial", request)

    def _ask(self, name: str, request: Any) -> Any:
        deadline = time.monotonic() + self.patience
        while True:
            seconds = max(deadline - time.monotonic(), SECONDS_BETWEEN_TRIES)
            try:
                question = getattr(self._stub, name)
                return question(request, wait_for_ready=True, timeout=seconds)
            except grpc.RpcError as error:
                if error.code() not in _IS_AWAY or time.monotonic() > deadline:
                    raise
            time.sleep(SECONDS_BETWEEN_TRIES)
