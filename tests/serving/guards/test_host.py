"""Protection of local servers against DNS rebinding by foreign websites."""

import pytest
from keraunos.serving.guards.host import HostGuard
from keraunos.serving.server import _guarded_app
from keraunos.serving.service import Service
from keraunos.serving.settings import ServeSettings
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

HERE = ["localhost:8000", "LOCALHOST", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000", "[::1]"]
ELSEWHERE = ["evil.example:8000", "localhost.evil.example", "10.0.0.7", "", "::1:80"]


def status(host):
    client = TestClient(HostGuard(PlainTextResponse("answer")), "http://here")
    return client.get("/", headers={"Host": host}).status_code


@pytest.mark.parametrize("host", HERE)
def test_local_host_names_are_accepted(host):
    assert status(host) == 200


@pytest.mark.parametrize("host", ELSEWHERE)
def test_foreign_host_names_are_rejected(host):
    assert status(host) == 421


@pytest.mark.parametrize(
    ("settings", "is_guarded"),
    [
        ({}, True),
        ({"host": "::1"}, True),
        ({"host": "0.0.0.0"}, False),  # only the user knows its names
        ({"token": "0123456789abcdef"}, False),
    ],
)
def test_only_local_servers_without_a_token_are_guarded(settings, is_guarded):
    service = Service(start=None, settings=ServeSettings(**settings))
    assert isinstance(_guarded_app(service), HostGuard) is is_guarded
