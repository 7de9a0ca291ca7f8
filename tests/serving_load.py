"""Many concurrent requests to a server, with some from malicious clients."""

import asyncio
import base64
import collections
import os
import random
import signal
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
from serving_models import plain_image

PREDICT = "/v1/models/colors:predict"


def color_of(number: int) -> tuple[int, int, int]:
    """A distinct color for each number, none of those that are treated specially."""
    return (number % 251 + 1, number // 251 % 251 + 1, 200)


def body_of(*colors: tuple[int, int, int]) -> dict[str, Any]:
    files = (base64.b64encode(plain_image(*each)).decode() for each in colors)
    return {"instances": [{"b64": each} for each in files]}


def is_right(found: Any, color: tuple[int, int, int]) -> bool:
    wanted = np.array(color) / sum(color)
    return bool(np.allclose(found, wanted, atol=1e-5))


class Load:
    """Requests predictions for a number of images of distinct colors.

    Attributes:
        statuses: Count of each status; 0 is for broken connections.
        wrong: Numbers of images that got another image's answer.
    """

    def __init__(self, url: str, clients: int) -> None:
        self.statuses: collections.Counter[int] = collections.Counter()
        self.wrong: list[int] = []
        self.done = 0
        self._url = url
        self._clients = clients

    async def run(self, requests: int, events: dict[int, Callable[[], None]]) -> None:
        """Sends requests; calls events when so many have been answered."""
        numbers = iter(range(requests))
        limits = httpx.Limits(max_connections=self._clients)
        options: Any = {"base_url": self._url, "timeout": 60, "limits": limits}
        async with httpx.AsyncClient(**options) as client:
            ask = [self._ask(client, numbers, events) for _ in range(self._clients)]
            await asyncio.gather(*ask)

    async def _ask(self, client: httpx.AsyncClient, numbers: Any, events: Any) -> None:
        for number in numbers:
            color = color_of(number)
            try:
                response = await client.post(PREDICT, json=body_of(color))
            except httpx.TransportError:
                self.statuses[0] += 1
            else:
                self.statuses[response.status_code] += 1
                if response.status_code == 200:
                    (found,) = response.json()["predictions"]
                    self.wrong += [] if is_right(found, color) else [number]
            self.done += 1
            if self.done in events:
                events[self.done]()


async def disturb(port: int, stop: asyncio.Event) -> dict[str, int]:
    """Sends garbage, leaves connections half open and speaks slowly, until the stop."""
    rng = random.Random(0)
    counts = dict.fromkeys(("garbage", "half open", "slow", "gone", "large"), 0)
    opened = []
    while not stop.is_set():
        for kind in counts:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            counts[kind] += 1
            writer.write(_FIRST[kind](rng))
            if kind in ("garbage", "gone"):
                writer.close()
            else:
                opened.append((reader, writer))
        for _, writer in opened[-60:]:
            if not writer.is_closing():
                writer.write(b"a")  # ever more of a header, or of a body
        await asyncio.sleep(0.02)
    for _, writer in opened:
        writer.close()
    return counts


_POST = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ".encode()
_FIRST: dict[str, Callable[[random.Random], bytes]] = {
    "garbage": lambda rng: rng.randbytes(rng.randrange(1, 3000)),
    "half open": lambda _: b"",
    "slow": lambda _: _POST,
    "gone": lambda _: _POST + b"1000\r\n\r\n{",
    "large": lambda _: _POST + b"100000\r\n\r\n" + bytes(1000),
}


def own_memory(process: int) -> int:
    """Private memory of a process in kilobytes; 0 if it has ended."""
    try:
        with open(f"/proc/{process}/status", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
    except OSError:
        return 0
    return int(lines.get("RssAnon", "0 kB").split()[0])


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
