"""The chief of a search answers only workers that know its secret token."""

import contextlib
import socket
from concurrent import futures

import grpc
import pytest
from keraunos.core.errors import ConfigError, WorkerError
from keraunos.core.secret import find_token
from keraunos.search.cluster import client as cluster_client
from keraunos.search.cluster import signed_calls
from keraunos.search.cluster.chief import Chief
from keraunos.search.cluster.client import ChiefClient
from keraunos.search.cluster.messages import Sender, fingerprint_of, outcome_to_json
from keraunos.search.cluster.role import Role
from keraunos.search.cluster.signed_calls import CHALLENGE, PROOF, sign_call, value_of
from keraunos.search.trials import Outcome, TrialPlan
from keraunos.search.tuning.service import SERVICE, create_trial_request, trial_message

SETTINGS = {"seed": 3}
FINGERPRINT = fingerprint_of(SETTINGS)
SENDER = Sender(FINGERPRINT, "a").to_json()
CREATE = create_trial_request(SENDER)


@pytest.fixture
def address():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


@pytest.fixture
def chief(address, tmp_path):
    """A chief that holds trial 0."""
    with Chief(Role("chief", address), SETTINGS) as made:
        made.begin(TrialPlan(0, {"space": [], "values": {}}, tmp_path / "trial-0"))
        yield made
        made._known.clear()


def client(address, token=None, patience=20.0):
    return ChiefClient(address, token or find_token(["localhost"]), patience)


def call_result(address, method, request, *proofs, timeout=20.0):
    """The gRPC code and metadata that a call returns."""
    metadata = tuple((PROOF, proof) for proof in proofs)
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(f"{SERVICE}/{method}")
        try:
            _, done = call.with_call(
                request, metadata=metadata, wait_for_ready=True, timeout=timeout
            )
        except grpc.RpcError as error:
            done = error
        return done.code(), tuple(done.trailing_metadata())


def proof(challenge, request=CREATE, method="CreateTrial", token=None):
    token = token or find_token(["localhost"])
    return sign_call(token, f"{SERVICE}/{method}", challenge, request)


def challenge_of(address):
    return value_of(call_result(address, "CreateTrial", CREATE)[1], CHALLENGE)


def test_worker_with_the_token_is_answered(chief, address, capsys):
    worker = client(address)
    assert worker.create_trial(SENDER).status == "RUNNING"
    worker.get_trial(Sender(FINGERPRINT, "a", "trial-0").to_json())
    outcome = outcome_to_json(Outcome("completed", [0.5]))
    sender = Sender(FINGERPRINT, "a", "trial-0").to_json()
    worker.end_trial(trial_message("COMPLETED", outcome, sender))
    assert chief.wait() == (0, Outcome("completed", [0.5]))
    assert chief._rejections.count == 0


def unsigned(challenge):
    return []


def malformed_proof(challenge):
    return ["a.b.c.d"]


def non_ascii_proof(challenge):
    return ["é.é.é.é".encode("ascii", "xmlcharrefreplace").decode()]


def with_another_secret(challenge):
    return [".".join(proof(challenge, token="another secret"))]


def for_another_request(challenge):
    right = proof(challenge, request=b"another")
    return [".".join(right)]


def for_another_method(challenge):
    return [".".join(proof(challenge, method="GetTrial"))]


def for_another_challenge(challenge):
    return [".".join(proof("00" * 16))]


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        unsigned,
        malformed_proof,
        non_ascii_proof,
        with_another_secret,
        for_another_request,
        for_another_method,
        for_another_challenge,
    ],
)
def test_unauthenticated_calls_are_rejected_and_the_chief_keeps_serving(
    wrong, chief, address
):
    challenge = challenge_of(address)
    code, metadata = call_result(address, "CreateTrial", CREATE, *wrong(challenge))
    assert code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INVALID_ARGUMENT)
    assert FINGERPRINT not in str(metadata)
    assert not chief._known
    assert client(address).create_trial(SENDER).status == "RUNNING"


def test_replayed_call_is_rejected(chief, address):
    text = ".".join(proof(challenge_of(address)))
    codes = [call_result(address, "CreateTrial", CREATE, text)[0] for _ in range(2)]
    assert codes == [grpc.StatusCode.OK, grpc.StatusCode.UNAUTHENTICATED]


def test_memory_for_replay_protection_is_bounded(chief, address, monkeypatch):
    monkeypatch.setattr(signed_calls, "MAX_CALLS_PER_CHALLENGE", 3)
    challenge = challenge_of(address)
    text = ".".join(proof(challenge))
    assert call_result(address, "CreateTrial", CREATE, text)[0] is grpc.StatusCode.OK
    worker = client(address)
    for _ in range(7):
        worker.get_trial(Sender(FINGERPRINT, "a", "trial-0").to_json())
    assert challenge_of(address) != challenge  # its calls are forgotten with it
    assert call_result(address, "CreateTrial", CREATE, text)[0] is not grpc.StatusCode.OK


@pytest.mark.parametrize("method", ["GetSpace", "UpdateTrial", "GetBestTrials", "NoSuch"])
def test_methods_that_workers_do_not_use_are_unimplemented(method, chief, address):
    text = ".".join(proof(challenge_of(address), b"", method))
    code, _ = call_result(address, method, b"", text)
    assert code is grpc.StatusCode.UNIMPLEMENTED


def test_oversized_request_is_rejected(chief, address):
    large = bytes(signed_calls.MAX_MESSAGE_BYTES + 1)
    text = ".".join(proof(challenge_of(address), large))
    code, _ = call_result(address, "CreateTrial", large, text)
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert client(address).create_trial(SENDER).status == "RUNNING"


def test_unreadable_authenticated_request_is_reported_and_counted(chief, address, capfd):
    with pytest.raises(ConfigError, match="must understand"):
        client(address).create_trial("no JSON")
    assert chief._rejections.count == 1
    assert client(address).create_trial(SENDER).status == "RUNNING"
    assert "Traceback" not in capfd.readouterr().err


def test_unfinished_calls_do_not_block_other_workers(chief, address):
    """More calls than the chief has threads, each with headers and no request."""
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            channel = stack.enter_context(grpc.insecure_channel(address))
            never = futures.Future()
            requests = iter(never.result, None)
            call = channel.stream_unary(f"{SERVICE}/CreateTrial").future(requests)
            stack.callback(never.set_result, None)
            stack.callback(call.cancel)
        assert client(address).create_trial(SENDER).status == "RUNNING"


def test_unauthenticated_connections_are_reported_once(address, capfd):
    with Chief(Role("chief", address), SETTINGS):
        for _ in range(3):
            call_result(address, "CreateTrial", CREATE)
    said = capfd.readouterr().err
    assert said.count("the chief of the search refused 3 connections from strangers") == 1


class Impostor(grpc.GenericRpcHandler):
    """Answers every request, without the secret."""

    def __init__(self, code):
        self.code = code
        self.count = 0

    def service(self, details):
        def answer(request, context):
            self.count += 1
            challenge = f"{self.count:032x}"
            context.set_trailing_metadata(((CHALLENGE, challenge), (PROOF, "0" * 64)))
            if self.code is not grpc.StatusCode.OK:
                context.abort(self.code, "no")
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


@contextlib.contextmanager
def impostor_at(address, code):
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([made := Impostor(code)])
    server.add_insecure_port(address)
    server.start()
    try:
        yield made
    finally:
        server.stop(None).wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.OK,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.INTERNAL,
    ],
)
def test_impostor_of_the_chief_is_not_trusted(code, address, monkeypatch):
    monkeypatch.setattr(cluster_client, "SECONDS_BETWEEN_TRIES", 0.05)
    with impostor_at(address, code) as impostor:
        with pytest.raises(WorkerError, match="must answer within"):
            client(address, patience=0.3).create_trial(SENDER)
        assert impostor.count > 1


def test_wrong_token_is_reported_immediately_and_in_the_final_error(chief, address, capsys):
    with pytest.raises(WorkerError, match="KERAUNOS_TOKEN the same"):
        client(address, "another secret", patience=0.5).create_trial(SENDER)
    assert "does not accept this worker's KERAUNOS_TOKEN" in capsys.readouterr().err
