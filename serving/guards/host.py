"""Rejects requests of web pages that use DNS rebinding."""

import ipaddress

from ..errors import RequestError
from .asgi import App, Receive, Scope, Send, header_of, refuse


class HostGuard:
    """Accepts only requests whose `Host` header names this machine.

    A page can make its own domain resolve to 127.0.0.1 (DNS rebinding); a browser would
    then let it read the responses of a server that listens only locally.

    Args:
        app: The guarded application.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and not _names_this_machine(scope):
            reason = (
                "This server accepts requests to localhost only. Start it with --host and "
                "a token to use another name."
            )
            await refuse(send, RequestError(421, reason))
            return
        await self._app(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Returns whether a host name or address is a loopback address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _names_this_machine(scope: Scope) -> bool:
    given = (header_of(scope, b"host") or b"").decode("latin-1")
    host = given[1:].split("]")[0] if given.startswith("[") else given.split(":")[0]
    return is_loopback(host)
