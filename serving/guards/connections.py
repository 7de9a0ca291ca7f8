"""Closes connections that take too long to send a request, or to read and close.

Uvicorn limits only how long a connection may be idle.
"""

import asyncio
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..settings import ServeSettings

_SPARE_SECONDS = 5.0  # to send the error for a body that arrived too late


class GuardedProtocol(H11Protocol):
    """HTTP over one connection, with time limits for header and body.

    `guarded` creates a class with limits.
    """

    settings: ClassVar[ServeSettings]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._timer: asyncio.TimerHandle | None = None
        self._phase: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        if len(self.connections) > self.settings.max_connections:
            transport.abort()
        else:
            self._watch(is_asking=True)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        super().data_received(data)
        self._watch(is_asking=True)

    def on_response_complete(self) -> None:
        """See `H11Protocol`; an unneeded body may still be arriving."""
        super().on_response_complete()
        self._watch(is_asking=bool(self.conn.trailing_data[0]))

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._cancel()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """Closes an idle connection; aborts it if the client does not read its response."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(self.settings.keep_alive_seconds, self.transport.abort)

    def _watch(self, is_asking: bool) -> None:
        """Starts the timer of a new phase, header or body, or stops the timer."""
        state = self.conn.their_state
        phase = (state, self.cycle) if is_asking or state is h11.SEND_BODY else None
        if phase == self._phase:
            return
        self._cancel()
        self._phase = phase
        seconds = {
            h11.IDLE: self.settings.header_seconds,
            h11.SEND_BODY: self.settings.body_seconds + _SPARE_SECONDS,
        }.get(state)
        if phase is not None and seconds is not None:
            self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def guarded(settings: ServeSettings) -> type[GuardedProtocol]:
    """Returns a protocol class with the limits of settings."""
    return type("Guarded", (GuardedProtocol,), {"settings": settings})
