"""Calls an ASGI application without a socket, in its own event loop."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import httpx


class Client:
    """Sends requests, one or several at a time."""

    def __init__(self, runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
        self._runner = runner
        self._client = client

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self._runner.run(self._client.get(path, **options))

    def request(self, method: str, path: str) -> httpx.Response:
        return self._runner.run(self._client.request(method, path))

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self._runner.run(self._client.post(path, **options))

    def run(self, awaitable: Any) -> Any:
        return self._runner.run(awaitable)

    def post_all(self, requests: list[tuple[str, dict[str, Any]]]) -> list[httpx.Response]:
        async def send() -> Any:
            calls = (self._client.post(path, **options) for path, options in requests)
            return await asyncio.gather(*calls)

        return self._runner.run(send())


@contextlib.contextmanager
def calling(app: Any) -> Iterator[Client]:
    """Runs the lifespan of an application around calls of it."""
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://server")
        yield Client(runner, client)
        runner.run(client.aclose())
        runner.run(lifespan.__aexit__(None, None, None))
