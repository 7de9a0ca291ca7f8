"""Requires a secret token."""

import hmac
from collections.abc import Collection

from ..errors import RequestError
from .asgi import App, Receive, Scope, Send, header_of, refuse

_SCHEME = b"bearer "


class TokenGuard:
    """Rejects requests without the token, before reading their body.

    Args:
        app: The guarded application.
        token: The secret, or None to accept all requests.
        free_paths: Paths that need no token.
    """

    def __init__(self, app: App, token: str | None, free_paths: Collection[str]) -> None:
        self._app = app
        self._token = None if token is None else token.encode()
        self._free_paths = frozenset(free_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and not self._is_authorized(scope):
            await refuse(
                send,
                RequestError(
                    401,
                    "A request must have the header `Authorization: Bearer TOKEN`, with "
                    "the token of this server.",
                    {"WWW-Authenticate": "Bearer"},
                ),
            )
            return
        await self._app(scope, receive, send)

    def _is_authorized(self, scope: Scope) -> bool:
        if self._token is None or scope["path"] in self._free_paths:
            return True
        given = header_of(scope, b"authorization") or b""
        has_scheme = given[: len(_SCHEME)].lower() == _SCHEME
        is_right = hmac.compare_digest(given[len(_SCHEME) :].strip(), self._token)
        return has_scheme and is_right
