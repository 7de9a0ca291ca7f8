"""Reads the body of a request, within limits of size and time."""

import asyncio
import contextlib

from ..errors import RequestError
from ..settings import ServeSettings
from .asgi import App, Message, Receive, Scope, Send, header_of, refuse

_MEGABYTE = 1_000_000


class BodyGuard:
    """Forwards requests once their body has arrived, if it is small enough.

    A request whose client has disconnected is dropped.

    Args:
        app: The guarded application.
        settings: Limits of the size of one body and of all together, and of time.

    Attributes:
        pending_bytes: Total size of all bodies being read or answered.
    """

    def __init__(self, app: App, settings: ServeSettings) -> None:
        self.pending_bytes = 0
        self._app = app
        self._max_bytes = int(settings.max_body_megabytes * _MEGABYTE)
        self._max_pending_bytes = int(settings.max_pending_megabytes * _MEGABYTE)
        self._seconds = settings.body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        try:
            self._require_small(int(header_of(scope, b"content-length") or 0))
            self._require_plain(scope)
            async with asyncio.timeout(self._seconds):
                is_whole = await self._read(receive, body)
        except TimeoutError:
            reason = f"The body must be sent within {self._seconds:g} s."
            await refuse(send, RequestError(408, reason, {"Connection": "close"}))
        except RequestError as error:
            await refuse(send, error)
        else:
            if is_whole:
                await self._answer(scope, receive, send, bytes(body))
        finally:
            self.pending_bytes -= len(body)

    async def _read(self, receive: Receive, body: bytearray) -> bool:
        """Reads a body; returns False if the client has left."""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return False
            part = message.get("body", b"")
            self._require_small(len(body) + len(part))
            self._require_room(len(part))
            body += part
            self.pending_bytes += len(part)
            if not message.get("more_body", False):
                return True

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, body: bytes
    ) -> None:
        """Runs the application, unless the client disconnects first."""
        messages: list[Message] = [
            {"type": "http.request", "body": body, "more_body": False}
        ]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        answering = asyncio.ensure_future(self._app(scope, replay, send))
        leaving = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not answering.done():
                answering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answering

    def _require_small(self, size: int) -> None:
        if size > self._max_bytes:
            limit = self._max_bytes / _MEGABYTE
            raise RequestError(413, f"The body must have at most {limit:g} megabytes.")

    def _require_room(self, size: int) -> None:
        if self.pending_bytes + size > self._max_pending_bytes:
            raise RequestError(
                429,
                "The server is handling too much data. Try again later.",
                {"Retry-After": "1"},
            )

    def _require_plain(self, scope: Scope) -> None:
        encoding = (header_of(scope, b"content-encoding") or b"identity").lower()
        if encoding != b"identity":
            raise RequestError(415, "The body must not be compressed.")
