"""Invalid settings are rejected, all at once."""

import math

import pytest
from keraunos.core.errors import ConfigError
from keraunos.serving.settings import ServeSettings


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"workers": 0}, ["`workers` must be above 0. Received: workers=0."]),
        ({"max_wait_ms": -1.0, "port": -1}, ["`max_wait_ms`", "`port`"]),
        ({"timeout_seconds": math.nan}, ["`timeout_seconds`"]),
        ({"body_seconds": math.inf}, ["`body_seconds`"]),
        (
            {"max_queue_images": 5, "max_request_images": 6},
            ["at least `max_request_images`"],
        ),
        ({"name": "a/b"}, ["part of URLs"]),
        ({"port": 65_536}, ["`port` must be at most 65535"]),
        ({"version": 0}, ["`version`"]),
        ({"version": 2**63}, ["`version`"]),
        ({"token": "short"}, ["16 printable"]),
        ({"token": "a secret with spaces"}, ["16 printable"]),
    ],
)
def test_invalid_settings_are_rejected(settings, words):
    with pytest.raises(ConfigError) as refused:
        ServeSettings(**settings)
    assert all(word in str(refused.value) for word in words)
    assert "secret" not in str(refused.value)


def test_zero_is_accepted_where_meaningful():
    settings = ServeSettings(port=0, max_wait_ms=0.0, max_restarts=0, version=2**63 - 1)
    assert settings.port == 0


def test_token_is_not_in_the_repr():
    assert "0123456789abcdef" not in repr(ServeSettings(token="0123456789abcdef"))
