"""Types and helpers of ASGI for guards."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..errors import RequestError

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def header_of(scope: Scope, name: bytes) -> bytes | None:
    """Returns the value of the first header with a lowercase name, or None."""
    return next((value for key, value in scope["headers"] if key.lower() == name), None)


async def refuse(send: Send, error: RequestError) -> None:
    """Sends an error as JSON, in the form that both protocols share."""
    body = json.dumps({"error": error.reason}).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **error.headers,
    }
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    start = {"type": "http.response.start", "status": error.status, "headers": encoded}
    await send(start)
    await send({"type": "http.response.body", "body": body})
