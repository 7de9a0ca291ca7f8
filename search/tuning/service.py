"""Keras Tuner's gRPC service between a chief and its workers, and its messages.

The service distributes trials. Plans and outcomes of trials are sent as JSON in the values
of hyperparameters, since Keras Tuner's own messages have single precision.
"""

import copy
from typing import Any

import grpc
import keras_tuner
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer
from keras_tuner.src.engine.trial import Trial as TrialMessage

SERVICE = "/keras_tuner.Oracle"
METHODS = ("CreateTrial", "GetTrial", "EndTrial")
_PAYLOAD = "keraunos"  # the name of the value that holds the JSON

__all__ = [
    "METHODS",
    "SERVICE",
    "TrialMessage",
    "add_service",
    "create_trial_request",
    "end_trial_request",
    "get_trial_request",
    "payload_of",
    "read_created_trial",
    "require_hyperparameters",
    "trial_message",
]


def trial_message(status: str, payload: str = "", trial_id: str = "") -> TrialMessage:
    """Creates a message with a status and any text.

    Example:
        >>> payload_of(trial_message("RUNNING", '{"number": 3}'))
        '{"number": 3}'
    """
    values = keras_tuner.HyperParameters()
    values.values = {_PAYLOAD: payload}
    return TrialMessage(values, trial_id=trial_id, status=status)


def payload_of(message: TrialMessage) -> str:
    """Returns the text of a message.

    Raises:
        KeyError: It has none.
    """
    return str(message.hyperparameters.values[_PAYLOAD])


def add_service(chief: Any, server: grpc.Server) -> None:
    """Registers `create_trial`, `get_trial` and `end_trial` with a server."""
    protos.get_service_grpc().add_OracleServicer_to_server(OracleServicer(chief), server)


def create_trial_request(tuner_id: str) -> bytes:
    """Encodes a request for a trial."""
    request = protos.get_service().CreateTrialRequest(tuner_id=tuner_id)
    return bytes(request.SerializeToString())


def read_created_trial(answer: bytes) -> TrialMessage:
    """Decodes the response to `create_trial_request`."""
    response = protos.get_service().CreateTrialResponse.FromString(answer)
    return TrialMessage.from_proto(response.trial)


def get_trial_request(trial_id: str) -> bytes:
    """Encodes a report that a trial is still running."""
    request = protos.get_service().GetTrialRequest(trial_id=trial_id)
    return bytes(request.SerializeToString())


def end_trial_request(trial: TrialMessage) -> bytes:
    """Encodes a report of the outcome of a trial."""
    request = protos.get_service().EndTrialRequest(trial=trial.to_proto())
    return bytes(request.SerializeToString())


def require_hyperparameters(config: dict[str, Any]) -> None:
    """Checks that Keras Tuner can read hyperparameters.

    Args:
        config: The result of `HyperParameters.get_config`; it is not changed.

    Raises:
        ValueError: Keras Tuner can't read it.
    """
    try:
        keras_tuner.HyperParameters.from_config(copy.deepcopy(config))
    except Exception as error:
        raise ValueError(f"these are not hyperparameters ({error!r})") from None
