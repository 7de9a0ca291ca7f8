"""Sends one alert when a search ends; its trials send none."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..callbacks import Alerts
from ..core.errors import DivergedError
from ..core.run_events import Event, EventKind
from .result import SearchResult


class SearchAlerts:
    """Sends one alert about a whole search.

    Args:
        alerts: The callbacks that send the alert; may be empty.
        directory: Directory of the search.

    Attributes:
        result: The result, to be set before the context ends.
    """

    def __init__(self, alerts: Sequence[Alerts], directory: Path) -> None:
        self._alerts = alerts
        self._directory = directory
        self.result: SearchResult | None = None

    @contextlib.contextmanager
    def around(self, *stops: type[Exception]) -> Iterator["SearchAlerts"]:
        """Sends the outcome of the search when the context ends.

        Args:
            *stops: Exceptions that end an interrupted search.
        """
        interruptions: tuple[type[BaseException], ...] = (KeyboardInterrupt, *stops)
        try:
            yield self
        except interruptions:
            self._send("interrupted", "the search was interrupted; the state is saved")
            raise
        except Exception as error:
            kind: EventKind = "failure"
            if isinstance(error, DivergedError):
                kind = "divergence"
            self._send(kind, f"the search failed: {error}")
            raise
        if self.result is None or not self.result.is_finished:
            self._send("interrupted", "the search was interrupted; the state is saved")
        else:
            self._send("end", _summary(self.result))

    def _send(self, kind: EventKind, text: str) -> None:
        event = Event(kind, text, step=0, time=time.time())
        for alerts in self._alerts:
            alerts.send(event, self._directory)


def _summary(result: SearchResult) -> str:
    """Returns why the search ended, and the winner with its score."""
    won = result.winner.lines()[:2] if result.winner is not None else []
    return "; ".join([f"the search ended: {result.stop_reason}", *won])
