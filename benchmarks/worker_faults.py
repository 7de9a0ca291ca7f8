"""Injects faults into one of two workers, and measures how soon the other one ends.

Each cell trains a small model in two processes, one of which is killed, suspended, asked to
stop, or raises an exception at some point of the run. Measures the time from the fault to
the end of the other process. A process that exceeds a time limit is killed and counts as
hanging.

Processes are forked from a parent that has imported everything, before TensorFlow has
started any threads.

Usage: python benchmarks/worker_faults.py [--only FAULT:ROLE:PHASE ...] [--lost-seconds 10]
"""

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keraunos as kr
import numpy as np
import tensorflow as tf
from keraunos.cli.commands.launch import free_ports
from keraunos.core.cluster import TF_CONFIG, Cluster
from keraunos.core.leash import end_with_parent
from keraunos.strategies import multi_worker
from keraunos.trainer.checkpoint import saver

FAULTS = ("SIGKILL", "SIGSTOP", "SIGTERM", "exception")
ROLES = ("chief", "worker")
PHASES = ("before meeting", "strategy", "first trace", "step", "validation", "save")
# Faults in how processes are started.
STARTS = ("late", "port in use", "named twice", "other workers")
EPOCHS, STEPS, AT_STEP = 3, 4, 6
LATE_SECONDS = 3.0
OCCUPIED: list[socket.socket] = []  # kept open


class Cell(NamedTuple):
    """A fault, the process that it is injected into, and the phase."""

    fault: str
    role: str
    phase: str


class Ended(NamedTuple):
    """The outcome of a cell.

    Attributes:
        codes: Exit codes of chief and worker; for a signal, minus its number.
        seconds: Seconds from the fault to the end of the other process.
        said: The last line that the other process wrote.
        hung: Whether the other process had to be killed.
    """

    codes: list[int | None]
    seconds: float
    said: str
    hung: bool


def main() -> None:
    """Runs the cells and prints a table and a line of JSON."""
    options = parse()
    os.environ[multi_worker.LOST_VARIABLE] = str(options.lost_seconds)
    os.environ[multi_worker.MEET_VARIABLE] = str(options.meet_seconds)
    results = []
    print(f"{'fault':12} {'who':7} {'when':15} {'chief':>6} {'worker':>6} {'seconds':>8}")
    for cell in cells(options.only):
        ended = run(cell, limit=6 * options.lost_seconds + options.meet_seconds)
        codes = [str(code) for code in ended.codes]
        print(
            f"{cell.fault:12} {cell.role:7} {cell.phase:15} {codes[0]:>6} {codes[1]:>6} "
            f"{ended.seconds:8.1f}  {'HANGS' if ended.hung else ended.said[:110]}",
            flush=True,
        )
        results.append({**cell._asdict(), **ended._asdict()})
    versions = {name: metadata.version(name) for name in ("keras", "tensorflow")}
    print(json.dumps({"cells": results, "versions": versions, "options": vars(options)}))


def parse() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", default=[], metavar="FAULT:ROLE:PHASE")
    parser.add_argument("--lost-seconds", type=float, default=10.0)
    parser.add_argument("--meet-seconds", type=float, default=10.0)
    return parser.parse_args()


def cells(only: list[str]) -> list[Cell]:
    """Returns all cells, or the requested ones."""
    if only:
        return [Cell(*each.split(":")) for each in only]
    moments = [Cell(f, r, p) for f in FAULTS for p in PHASES for r in ROLES]
    return moments + [Cell(f, r, "start") for f in STARTS for r in ROLES]


def run(cell: Cell, limit: float) -> Ended:
    """Forks both workers, and waits for the one without the fault."""
    folder = Path(tempfile.mkdtemp())  # no `with`: forked workers exit through here, too
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    pids = [fork(cell, Cluster(addresses, rank), folder) for rank in (0, 1)]
    other, started = 1 - ROLES.index(cell.role), time.time()
    codes: list[int | None] = [None, None]
    while codes[other] is None and time.time() - started < limit:
        for rank, pid in enumerate(pids):
            if codes[rank] is None:
                codes[rank] = code_if_ended(pid)
        time.sleep(0.02)
    ended_at, hung = time.time(), codes[other] is None
    finish(pids, codes, seconds=0.0 if cell.fault == "SIGSTOP" else 8.0)
    fault_at = folder / "fault"
    since = float(fault_at.read_text()) if fault_at.exists() else started
    lines = (folder / str(other)).read_text(errors="replace").strip().splitlines()
    shutil.rmtree(folder)
    return Ended(codes, ended_at - since, lines[-1] if lines else "", hung)


def code_if_ended(pid: int) -> int | None:
    """Returns the exit code of a process; None while it runs."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def finish(pids: list[int], codes: list[int | None], seconds: float) -> None:
    """Kills processes that do not end by themselves within some seconds."""
    deadline = time.time() + seconds
    for rank, pid in enumerate(pids):
        while codes[rank] is None and time.time() < deadline:
            codes[rank] = code_if_ended(pid)
            time.sleep(0.02)
        if codes[rank] is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def fork(cell: Cell, cluster: Cluster, folder: Path) -> int:
    """Starts a worker."""
    parent, pid = os.getpid(), os.fork()
    if pid:
        return pid
    end_with_parent(parent)
    log = os.open(folder / str(cluster.rank), os.O_CREAT | os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.exit(work(cell, cluster, folder))


def work(cell: Cell, cluster: Cluster, folder: Path) -> int:
    """Trains like the command line, and returns the exit code."""
    is_hit = ROLES[cluster.rank] == cell.role
    fault = Fault(cell, folder / "fault") if is_hit else Fault()
    try:
        os.environ[TF_CONFIG] = start(cell, cluster, is_hit).tf_config()
        fault.at("before meeting")
        result = train(fault, folder / "run")
    except kr.KeraunosError as error:
        print(f"error: {error}", flush=True)
        return error.exit_code
    except Exception:
        traceback.print_exc()
        return 1
    return 128 + result.signal if result.signal else 0


def start(cell: Cell, cluster: Cluster, is_hit: bool) -> Cluster:
    """Returns the cluster for a worker, with the fault if it is in the start."""
    if not is_hit or cell.phase != "start":
        return cluster
    if cell.fault == "late":
        time.sleep(LATE_SECONDS)
    elif cell.fault == "port in use":
        port = int(cluster.addresses[cluster.rank].rpartition(":")[2])
        OCCUPIED.append(socket.create_server(("", port)))
    elif cell.fault == "named twice":
        return Cluster(cluster.addresses, 1 - cluster.rank)
    elif cell.fault == "other workers":
        first, second = cluster.addresses
        return Cluster((first, second.replace("127.0.0.1", "localhost")), cluster.rank)
    return cluster


class Fault:
    """Injects a fault once, in its phase; never without a cell."""

    def __init__(self, cell: Cell | None = None, record: Path | None = None) -> None:
        self._cell = cell
        self._record = record

    def at(self, phase: str) -> None:
        """Injects the fault if this is its phase."""
        if self._cell is None or self._record is None or self._cell.phase != phase:
            return
        if self._record.exists():
            return
        self._record.write_text(str(time.time()))
        if self._cell.fault == "exception":
            raise RuntimeError("a fault of its own")
        os.kill(os.getpid(), getattr(signal, self._cell.fault))


class Moments(kr.callbacks.Callback):
    """Injects faults in hooks."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def on_train_step_end(self, run: Any) -> None:
        """Injects a fault in the second epoch."""
        if run.step == AT_STEP:  # in the second epoch
            self.fault.at("step")

    def on_validation_begin(self, run: Any) -> None:
        """Injects a fault in the second epoch."""
        if run.epoch == 1:
            self.fault.at("validation")

    def on_epoch_end(self, run: Any) -> None:
        """Injects a fault in the worker just before the chief saves."""
        if run.epoch == 2 and run.run_dir is None:
            self.fault.at("save")


class Traced(keras.layers.Layer):
    """A layer that injects a fault while the training step is traced."""

    fault = Fault()

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns the inputs."""
        if training:
            self.fault.at("first trace")
        return inputs


def train(fault: Fault, run_dir: Path) -> kr.FitResult:
    """Trains a small model, with injection points for faults."""
    strike_in(multi_worker, "_num_gpus", lambda: fault.at("strategy"))
    # Not at the first checkpoint, so that there is one to resume from.
    writes = iter(range(1000))
    strike_in(saver, "write_bundle", lambda: next(writes) == 2 and fault.at("save"))

    Traced.fault = fault

    def build() -> keras.Model:
        layers = keras.layers
        model = keras.Sequential([keras.Input((5,)), Traced(), layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    kr.init_workers()
    trainer = kr.Trainer(
        strategy="multi_worker",
        accelerator="cpu",
        max_epochs=EPOCHS,
        run_dir=run_dir,
        callbacks={
            "moments": Moments(fault),
            "progress_bar": None,
            "tensorboard": None,
            "figures": None,
        },
    )
    return trainer.fit(build, dataset(0), validation_data=dataset(1))


def strike_in(module: Any, name: str, strike: Callable[[], object]) -> None:
    """Patches a function of a module to call `strike` first."""
    original = getattr(module, name)

    def struck(*arguments: Any) -> Any:
        strike()
        return original(*arguments)

    setattr(module, name, struck)


def dataset(seed: int) -> tf.data.Dataset:
    """Returns four batches, the last of which is smaller."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(8 * STEPS - 3, 5)).astype("float32")
    labels = random.integers(0, 3, len(inputs)).astype("int32")
    return tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(8)


if __name__ == "__main__":
    main()
