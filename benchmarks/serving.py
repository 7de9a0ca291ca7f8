"""Compares `keraunos serve` with a bare loop and a bare FastAPI handler.

    python benchmarks/serving.py RUN_OR_EXPORT [--seconds 5] [--clients 1 8 32] [--rounds 3]

Sends JPEGs of drawn lesions over loopback, one per request, from clients that wait for each
response before the next request. The sides are `model.predict` in a loop, without HTTP; a
FastAPI handler that calls it; `keraunos serve` with batches of one image; with its
defaults, which batch concurrent requests; and with two workers. All servers run all the
time, and take turns. Reports images per second and latency in milliseconds, as medians over
rounds. The clients share the machine.
"""

import argparse
import asyncio
import base64
import contextlib
import io
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

IMAGES = 64
SIZE = (600, 450)
BARE = "a bare handler"
LOOP = "a bare loop"
SIDES = {
    "one image a batch": ("--max-batch-images=1", "--max-wait-ms=0"),
    "batches": (),
    "batches, 2 workers": ("--workers=2",),
}
NAME = "model"


class Figures(NamedTuple):
    """The measurements of a side in a round."""

    images_per_second: float
    median_ms: float
    slowest_ms: float  # of 99 in 100
    statuses: Counter[int]


def make_images() -> list[bytes]:
    """Generates JPEGs of drawn lesions with grain."""
    from keraunos.data.synthetic.lesions import KINDS, draw_lesion

    random, kinds = np.random.default_rng(0), list(KINDS)
    files = []
    for number in range(IMAGES):
        drawn = Image.fromarray(draw_lesion(kinds[number % len(kinds)], 0, number))
        pixels = np.asarray(drawn.resize(SIZE)) + random.normal(0, 5, (*SIZE[::-1], 3))
        file = io.BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


def open_bare(path: Path) -> Any:
    """Returns a simple function from the bytes of an image to probabilities."""
    model_file = path / "model.keras"
    if not model_file.is_file():
        from keraunos.export.portable.model import Model

        model = Model.open(path)
        return lambda content: model.answers(model.decode(content)[np.newaxis]).uncorrected

    import keras

    keras_model: Any = keras.models.load_model(model_file, compile=False)
    size = keras_model.input_shape[1:3]

    def predict(content: bytes) -> Any:
        image = Image.open(io.BytesIO(content)).convert("RGB").resize(size)
        return keras_model.predict(np.asarray(image, np.float32)[np.newaxis], verbose=0)

    return predict


def serve_bare(path: Path) -> None:
    """Runs a server as in many tutorials."""
    import uvicorn
    from fastapi import FastAPI

    predict, app = open_bare(path), FastAPI()
    predict(make_images()[0])

    @app.post("/v1/models/model:predict")
    def answer(body: dict[str, Any]) -> Any:
        files = [base64.b64decode(each["b64"]) for each in body["instances"]]
        return {"predictions": [predict(file)[0].tolist() for file in files]}

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f"http://127.0.0.1:{port}", flush=True)

    Server(uvicorn.Config(app, port=0, log_level="error", access_log=False)).run()


def loop_bare(path: Path, seconds: float) -> None:
    """Predicts in a loop for some seconds per line of input, and prints the latencies."""
    predict, files = open_bare(path), make_images()
    predict(files[0])
    print("ready", flush=True)
    for _ in sys.stdin:
        times = []
        deadline = time.perf_counter() + seconds
        for file in itertools.cycle(files):
            began = time.perf_counter()
            predict(file)
            times.append(time.perf_counter() - began)
            if time.perf_counter() > deadline:
                break
        print(json.dumps(times), flush=True)


@contextlib.contextmanager
def process(*command: str) -> Iterator["subprocess.Popen[str]"]:
    """Runs a process that is terminated at the end of the block."""
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = subprocess.Popen([sys.executable, *command], **pipes)
    try:
        yield running
    finally:
        running.terminate()
        running.wait()


def line_of(running: "subprocess.Popen[str]") -> str:
    """Reads the next line that a process writes."""
    assert running.stdout is not None
    return running.stdout.readline().strip()


async def ask(
    port: int, requests: Iterator[bytes], deadline: float, found: list[tuple[float, int]]
) -> None:
    """Runs one client over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < deadline:
        began = time.perf_counter()
        writer.write(next(requests))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        found.append((time.perf_counter() - began, int(head.split()[1])))
    writer.close()


async def load(port: int, bodies: Sequence[bytes], clients: int, seconds: float) -> Figures:
    """Runs a number of concurrent clients for some seconds."""
    head = b"POST /v1/models/model:predict HTTP/1.1\r\nHost: localhost\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: "
    requests = itertools.cycle([head + b"%d\r\n\r\n" % len(b) + b for b in bodies])
    found: list[tuple[float, int]] = []
    began = time.perf_counter()
    asking = (ask(port, requests, began + seconds, found) for _ in range(clients))
    await asyncio.gather(*asking)
    times = [each for each, _ in found]
    return figures(times, time.perf_counter() - began, Counter(s for _, s in found))


def figures(times: Sequence[float], seconds: float, statuses: Counter[int]) -> Figures:
    """Summarizes the latencies of all requests."""
    median, slowest = 1000 * np.quantile(times, [0.5, 0.99])
    return Figures(statuses[200] / seconds, float(median), float(slowest), statuses)


def median_of(rounds: Sequence[Figures]) -> dict[str, Any]:
    """Returns the median of each measurement over the rounds."""
    statuses = sum((each.statuses for each in rounds), Counter())
    names = ("images_per_second", "median_ms", "slowest_ms")
    values = zip(*(each[:3] for each in rounds), strict=True)
    medians = {n: statistics.median(v) for n, v in zip(names, values, strict=True)}
    return medians | {"statuses": {str(k): v for k, v in statuses.items()}}


def measure(path: Path, clients: Sequence[int], seconds: float, rounds: int) -> Any:
    """Measures all sides in turn."""
    bodies = [
        json.dumps({"instances": [{"b64": base64.b64encode(each).decode()}]}).encode()
        for each in make_images()
    ]
    found: dict[tuple[str, int], list[Figures]] = {}
    with contextlib.ExitStack() as stack:
        ports = {}
        for side, options in SIDES.items():
            command = ("-m", "keraunos", "serve", str(path), "--port=0", f"--name={NAME}")
            server = stack.enter_context(process(*command, *options))
            ports[side] = int(line_of(server).rpartition(":")[2])
        bare = stack.enter_context(process(__file__, str(path), "--serve-bare"))
        ports[BARE] = int(line_of(bare).rpartition(":")[2])
        arguments = (__file__, str(path), "--loop-bare", f"--seconds={seconds}")
        loop = stack.enter_context(process(*arguments))
        assert line_of(loop) == "ready"
        time.sleep(2.0)  # the second worker may still be starting
        for _ in range(rounds):
            assert loop.stdin is not None
            loop.stdin.write("go\n")
            loop.stdin.flush()
            times = json.loads(line_of(loop))
            once = figures(times, sum(times), Counter({200: len(times)}))
            found.setdefault((LOOP, 1), []).append(once)
            for count in clients:
                for side in (BARE, *SIDES):
                    once = asyncio.run(load(ports[side], bodies, count, seconds))
                    found.setdefault((side, count), []).append(once)
    return [
        {"side": side, "clients": count} | median_of(each)
        for (side, count), each in found.items()
    ]


def main() -> None:
    """Prints a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path, metavar="RUN_OR_EXPORT")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve-bare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--loop-bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_bare:
        serve_bare(options.model)
    elif options.loop_bare:
        loop_bare(options.model, options.seconds)
    else:
        rows = measure(options.model, options.clients, options.seconds, options.rounds)
        for row in sorted(rows, key=lambda each: each["clients"]):
            print(
                f"{row['side']:<20} {row['clients']:>3} clients"
                f"{row['images_per_second']:>8.1f} images/s"
                f"   p50 {row['median_ms']:>7.1f} ms   p99 {row['slowest_ms']:>7.1f} ms"
                f"   {row['statuses']}"
            )
        print(json.dumps({"serving": rows}))


if __name__ == "__main__":
    main()
