"""A worker as a process, with a NumPy model.

python serving_worker.py DESCRIPTOR
"""

import os
import signal
import sys
import time
from typing import Any

import numpy as np
from keraunos.serving.workers.child import serve_parent
from serving_models import color_model, shares

DEADLY = (13, 13, 13)  # a color that ends the worker
SLOW = (14, 14, 14)  # one that takes SECONDS
SECONDS = "TEST_SECONDS"


def answer(images: Any) -> Any:
    means = images.mean(axis=(1, 2))
    if np.any(np.all(means == DEADLY, axis=1)):
        os.kill(os.getpid(), signal.SIGKILL)
    if np.any(np.all(means == SLOW, axis=1)):
        time.sleep(float(os.environ[SECONDS]))
    return shares(images)


def run_worker(descriptor: int) -> None:
    if code := os.environ.get("TEST_EXIT_CODE"):
        sys.exit(int(code))
    model = color_model()
    model.run = answer
    serve_parent(descriptor, model, {"process": lambda *_: str(os.getpid()).encode()})


async def start_worker(number: int) -> Any:
    from keraunos.serving.workers.worker import start_process

    return await start_process([sys.executable, __file__], {}, 60.0)


if __name__ == "__main__":
    run_worker(int(sys.argv[1]))
