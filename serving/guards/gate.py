"""Counts requests, adds headers with the model, and rejects requests on shutdown."""

import logging
import time
from urllib.parse import quote

from ..errors import RequestError
from ..service import Service
from .asgi import App, Message, Receive, Scope, Send, refuse

NAME_HEADER = "keraunos-model-name"
VERSION_HEADER = "keraunos-model-version"
HEALTH_PATHS = frozenset({"/v2/health/live", "/v2/health/ready"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
_OTHER = "other"  # label for unknown paths and methods
_FAILURE = "The server failed; its log has the reason."
_log = logging.getLogger(__name__)


class Gate:
    """The outermost guard.

    Args:
        app: The guarded application.
        service: The service whose requests are counted.
    """

    def __init__(self, app: App, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), [0]

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
                message["headers"] = [*message.get("headers", []), *self._names()]
            await send(message)

        with self._service.request():
            try:
                await self._pass(scope, receive, send_named)
            except Exception:
                _log.exception("a request failed")
                if status[0]:
                    raise
                await refuse(send_named, RequestError(500, _FAILURE))
            finally:
                self._count(scope, status[0], time.perf_counter() - began)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._service.is_stopping and scope["path"] not in HEALTH_PATHS:
            error = RequestError(503, "The server is stopping.", {"Connection": "close"})
            await refuse(send, error)
            return
        await self._app(scope, receive, send)

    def _names(self) -> list[tuple[bytes, bytes]]:
        try:
            name, version = self._service.name, self._service.version
        except RequestError:  # no worker has opened the model yet
            return []
        return [
            (NAME_HEADER.encode(), quote(name).encode()),
            (VERSION_HEADER.encode(), version.encode()),
        ]

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        path = str(route.path) if route is not None else _OTHER
        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        self._service.metrics.requests.labels(path, method, str(status)).inc()
        self._service.metrics.seconds.labels(path).observe(seconds)
