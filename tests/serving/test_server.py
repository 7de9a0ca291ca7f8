"""A server in its own process: workers, connections and shutdown."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time

import httpx
import pytest
from keraunos.core.errors import ConfigError
from keraunos.serving.server import Address, listen
from serving_load import (
    PREDICT,
    Load,
    body_of,
    disturb,
    is_right,
    kill,
    own_memory,
)
from serving_server import serving
from serving_worker import SECONDS, SLOW

REQUESTS = int(os.environ.get("KERAUNOS_CHAOS_REQUESTS", "1000"))


def test_address_already_in_use_is_an_error():
    with listen("127.0.0.1", 0) as first, pytest.raises(ConfigError, match="--port 0"):
        listen("127.0.0.1", first.getsockname()[1])
    assert str(Address("::1", 80)) == "http://[::1]:80"


@pytest.mark.nightly
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_on_a_signal_started_requests_finish_and_later_ones_are_rejected(number):
    with serving({SECONDS: "2"}, workers=2) as server:
        server.wait_until_ready()
        workers = server.workers
        found = {}

        def ask(name, color, client):
            found[name] = client.post(PREDICT, json=body_of(color))

        options = {"base_url": server.url, "timeout": 30}
        with httpx.Client(**options) as begun, httpx.Client(**options) as idle:
            idle.get("/v2/health/ready")
            asking = threading.Thread(target=ask, args=("begun", SLOW, begun))
            asking.start()
            time.sleep(0.5)
            server.process.send_signal(number)
            time.sleep(0.5)
            ask("later", (1, 2, 3), idle)
            readiness = httpx.get(f"{server.url}/v2/health/ready")
            asking.join()
        assert found["begun"].status_code == 200
        assert is_right(found["begun"].json()["predictions"][0], SLOW)
        assert found["later"].status_code == 503
        assert found["later"].headers["connection"] == "close"
        assert readiness.status_code == 503
        assert server.process.wait(10) == 0
        assert not any(os.path.exists(f"/proc/{each}") for each in workers)


@pytest.mark.nightly
def test_second_signal_stops_server_and_workers_immediately():
    with serving({SECONDS: "30"}) as server:
        server.wait_until_ready()
        workers = server.workers
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            send_json(connection, body_of(SLOW))
            time.sleep(0.5)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert server.process.poll() is None
            assert server.end() == 128 + signal.SIGTERM
        wait_for(lambda: not any(own_memory(each) for each in workers))


@pytest.mark.nightly
def test_shutdown_does_not_wait_forever_for_started_requests():
    with serving({SECONDS: "60"}, stop_seconds=0.5) as server:
        server.wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            send_json(connection, body_of(SLOW))
            time.sleep(0.5)
            assert server.end() == 0


@pytest.mark.nightly
@pytest.mark.parametrize(("code", "ends_with"), [("4", 4), ("2", 2)])
def test_model_that_cannot_be_opened_stops_the_server_with_its_code(code, ends_with):
    with serving({"TEST_EXIT_CODE": code}) as server:
        assert server.process.wait(20) == ends_with


@pytest.mark.nightly
def test_repeatedly_dying_workers_stop_the_server():
    with serving(max_restarts=1) as server:
        server.wait_until_ready()
        for _ in range(3):
            wait_for(lambda: bool(server.workers) or server.process.poll() is not None)
            for each in server.workers if server.process.poll() is None else []:
                kill(each)
            time.sleep(0.2)
            if server.process.poll() is not None:
                break
        assert server.process.wait(30) == 6


@pytest.mark.nightly
def test_slow_and_half_open_connections_are_closed():
    limits = {"header_seconds": 0.5, "body_seconds": 0.5, "keep_alive_seconds": 0.5}
    with serving(**limits) as server:
        server.wait_until_ready()
        host = b"Host: localhost\r\n"
        post = f"POST {PREDICT} HTTP/1.1\r\n".encode() + host + b"Content-Length: 1000\r\n"
        closed = {
            "silent": talk(server.port, b"", b""),
            "header": talk(server.port, post, b"X"),
            "body": talk(server.port, post + b"\r\n{", b" "),
            "refused": talk(
                server.port, post.replace(b"1000", b"90000000") + b"\r\n", b" "
            ),
            "idle": talk(server.port, b"GET /v2 HTTP/1.1\r\n" + host + b"\r\n", b""),
            "again": talk(
                *(server.port, b"GET /v2 HTTP/1.1\r\n" + host + b"\r\nGET /v2 HTT", b"P")
            ),
            "garbage": talk(server.port, os.urandom(500) + b"\r\n\r\n", b""),
        }
        heads = {name: answer.split(b"\r\n")[0] for name, answer in closed.items()}
        assert heads["silent"] == heads["header"] == b""
        assert heads["body"].startswith(b"HTTP/1.1 408 ")
        assert heads["refused"].startswith(b"HTTP/1.1 413 ")
        assert heads["idle"].startswith(b"HTTP/1.1 200 ")
        assert heads["again"].startswith(b"HTTP/1.1 200 ")
        assert heads["garbage"].startswith(b"HTTP/1.1 400 ")
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200


@pytest.mark.nightly
def test_connections_beyond_the_limit_are_closed():
    with serving(max_connections=3) as server:
        server.wait_until_ready()
        address = ("127.0.0.1", server.port)
        held = [socket.create_connection(address) for _ in range(3)]
        time.sleep(0.2)
        assert talk(server.port, b"", b"") == b""
        held.pop().close()
        time.sleep(0.2)
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
        for each in held:
            each.close()


@pytest.mark.nightly
def test_answers_survive_killed_workers_and_misbehaving_clients():
    """Each image has its own color, and therefore its own answer."""
    with serving(workers=2, header_seconds=2.0, body_seconds=2.0) as server:
        server.wait_until_ready()
        wait_for(lambda: len(server.workers) == 2)
        memory = [0]

        def remember():
            memory[0] = own_memory(server.process.pid)

        events = {
            REQUESTS // 4: remember,
            REQUESTS // 3: lambda: kill(server.workers[0]),
            2 * REQUESTS // 3: lambda: kill(server.workers[-1]),
        }

        async def scenario():
            stop, load = asyncio.Event(), Load(server.url, clients=16)
            disturbing = asyncio.create_task(disturb(server.port, stop))
            await load.run(REQUESTS, events)
            stop.set()
            return load, await disturbing

        load, disturbances = asyncio.run(scenario())
        print(dict(load.statuses), disturbances, memory[0], own_memory(server.process.pid))
        assert load.wrong == []
        assert load.done == sum(load.statuses.values()) == REQUESTS
        assert set(load.statuses) <= {200, 503}
        assert load.statuses[200] >= REQUESTS - 2 * 32
        assert min(disturbances.values()) > 10
        metrics = httpx.get(f"{server.url}/metrics").text
        assert "keraunos_lost_workers_total 2.0" in metrics
        assert own_memory(server.process.pid) < 1.5 * memory[0] + 20_000
        assert server.end() == 0


def send_json(connection, body):
    request = httpx.Request("POST", f"http://x{PREDICT}", json=body)
    lines = [f"POST {PREDICT} HTTP/1.1", "Host: localhost"]
    lines += [f"Content-Length: {len(request.content)}", "", ""]
    connection.sendall("\r\n".join(lines).encode() + request.content)


def talk(port, first, more):
    """Sends a first part, then more repeatedly, until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(0.1)
        received, deadline = b"", time.monotonic() + 20
        connection.sendall(first)
        while time.monotonic() < deadline:
            try:
                part = connection.recv(65536)
                received += part
                if not part:
                    return received
            except TimeoutError:
                pass
            except ConnectionError:
                return received
            with contextlib.suppress(OSError):
                connection.sendall(more)
    raise AssertionError("the connection was left open")


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
