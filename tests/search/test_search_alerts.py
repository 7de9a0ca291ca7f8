"""The alert that a search sends when it ends."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from keraunos.callbacks import Alerts
from keraunos.core.errors import DivergedError, SearchError
from keraunos.search.search_alerts import SearchAlerts

ENDED = SimpleNamespace(is_finished=True, stop_reason="patience is over", winner=None)


class Sent(Alerts):
    """Records alerts instead of sending them."""

    def __init__(self) -> None:
        super().__init__(on=["end", "failure", "interrupted", "divergence"], command=["no"])
        self.sent = []

    def send(self, event, directory, epoch=0):
        self.sent.append((event.kind, event.text, directory))


class ExitError(RuntimeError):
    """Stands in for the exit of the command line."""


@pytest.mark.parametrize(
    ("result", "error", "expected"),
    [
        (ENDED, None, ("end", "the search ended: patience is over")),
        (ENDED, ExitError(), ("interrupted", "interrupted; the state is saved")),
        (None, KeyboardInterrupt(), ("interrupted", "interrupted; the state is saved")),
        (
            SimpleNamespace(is_finished=False),
            None,
            ("interrupted", "interrupted; the state is saved"),
        ),
        (None, SearchError("all failed"), ("failure", "the search failed: all failed")),
        (ENDED, DivergedError("the refit"), ("divergence", "the search failed: the refit")),
    ],
)
def test_search_sends_exactly_one_alert_however_it_ends(result, error, expected):
    sends = Sent()
    alerts = SearchAlerts([sends], Path("S"))
    try:
        with alerts.around(ExitError):
            alerts.result = result
            if error is not None:
                raise error
    except BaseException as raised:
        assert raised is error  # noqa: PT017
    ((kind, text, directory),) = sends.sent
    assert kind == expected[0]
    assert text.endswith(expected[1])
    assert directory == Path("S")
