"""Connects the workers of a run and creates TensorFlow's strategy for them."""

import atexit
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import tensorflow as tf

from ..configs.choices import Accelerator
from ..core import watcher
from ..core.cluster import Cluster, find_cluster, names_workers
from ..core.environment import number_of
from ..core.errors import ConfigError, message
from ..core.exit_codes import exit_with_code_of_error
from .alone import ALONE, Workers
from .messages import Channel
from .rendezvous import meet
from .tensorflow_internals import (
    abort_collectives,
    has_started_devices,
    limit_coordination,
)
from .workers import ConnectedWorkers

MEET_VARIABLE, LOST_VARIABLE = "KERAUNOS_MEET_SECONDS", "KERAUNOS_LOST_SECONDS"
MEET_SECONDS, LOST_SECONDS = 300.0, 30.0
_POINTER = ctypes.c_void_p


class _Membership(NamedTuple):
    workers: Workers
    strategy: tf.distribute.Strategy


# TensorFlow accepts the workers of a process only once.
_memberships: list[_Membership] = []


def init_workers(
    accelerator: Accelerator = "auto", devices: Literal["auto"] | int = "auto"
) -> Workers:
    """Connects to the other workers. Must be the first line of a multi-worker program.

    TF_CONFIG, SLURM or `keraunos launch` define the workers. `fit` calls this itself if
    TensorFlow has not been used before; creating a data set or a model earlier is an error.
    A process without other workers continues alone.

    In a worker, errors of Keraunos that are not caught end the program with their exit
    code, and so does a signal during `fit`, once the state is saved: `docs/exit-codes.md`.

    Args:
        accelerator: See `Trainer`.
        devices: See `Trainer`: the number of GPUs of each worker.

    Returns:
        The workers, with the `rank` of this one, their `count`, and `is_chief`.

    Raises:
        ConfigError: TensorFlow has already started its devices, the workers don't agree on
            their addresses or versions, a port is taken, or `KERAUNOS_TOKEN` is not set but
            required.
        WorkerError: A worker did not connect within $KERAUNOS_MEET_SECONDS (default 300).

    Example:
        >>> import keraunos as kr
        >>> kr.init_workers().is_chief
        True
    """
    if _memberships:
        return _memberships[0].workers
    if names_workers():
        exit_with_code_of_error()
    cluster = find_cluster()
    if cluster is None:
        return ALONE
    if has_started_devices():
        raise ConfigError(
            message(
                "Workers must meet before TensorFlow uses its devices, but a data set, "
                "model or tensor was created before.",
                "Make keraunos.init_workers() the first line of the program.",
                workers=list(cluster.addresses),
            )
        )
    _memberships.append(_join(cluster, accelerator, devices))
    return _memberships[0].workers


def current_workers() -> Workers:
    """Returns the connected workers; `ALONE` without any."""
    return _memberships[0].workers if _memberships else ALONE


def workers_of(strategy: tf.distribute.Strategy) -> Workers:
    """Returns the workers that share a strategy.

    Raises:
        ConfigError: It is a strategy for several workers that Keraunos did not create.
    """
    if _memberships and strategy is _memberships[0].strategy:
        return _memberships[0].workers
    extended = strategy.extended
    if strategy.num_replicas_in_sync > 1 and (
        len(extended.worker_devices) < strategy.num_replicas_in_sync
    ):
        raise ConfigError(
            message(
                "A strategy for several workers must be created by Keraunos, so that the "
                "workers can agree.",
                'Use Trainer(strategy="multi_worker").',
                strategy=type(strategy).__name__,
            )
        )
    return ALONE


def multi_worker_strategy(
    accelerator: Accelerator, devices: Literal["auto"] | int
) -> tf.distribute.Strategy:
    """Returns the strategy of all workers; connects them first if necessary.

    Raises:
        ConfigError: The environment does not define any workers.
    """
    init_workers(accelerator, devices)
    if not _memberships:
        raise ConfigError(
            message(
                "`trainer.strategy=multi_worker` needs workers.",
                "Start them with `keraunos launch --workers 2 -- ...`, with srun, or with "
                "TF_CONFIG set.",
                strategy="multi_worker",
            )
        )
    return _memberships[0].strategy


def _join(
    cluster: Cluster, accelerator: Accelerator, devices: Literal["auto"] | int
) -> _Membership:
    lost_seconds = _seconds_from_environment(LOST_VARIABLE, LOST_SECONDS)
    channels = meet(cluster, _seconds_from_environment(MEET_VARIABLE, MEET_SECONDS))
    limit_coordination(2 * lost_seconds, len(cluster.addresses))
    with (
        _abort_if_stuck(round(lost_seconds) + 1),
        _watching_workers(cluster, channels),
        _preserved_signal_handlers(),
    ):
        strategy = tf.distribute.MultiWorkerMirroredStrategy(
            cluster_resolver=tf.distribute.cluster_resolver.SimpleClusterResolver(
                tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
                task_type="worker",
                task_id=cluster.rank,
                num_accelerators={"GPU": _num_gpus(accelerator, devices)},
                rpc_layer="grpc",
            )
        )
    workers: Workers = ALONE
    if len(cluster.addresses) > 1:
        connected = ConnectedWorkers(cluster, channels, lost_seconds, abort_collectives)
        atexit.register(_send_goodbye, connected)
        workers = connected
    return _Membership(workers, strategy)


def _num_gpus(accelerator: Accelerator, devices: Literal["auto"] | int) -> int:
    found = len(tf.config.list_physical_devices("GPU"))
    if accelerator == "cpu":
        return 0
    wanted = 1 if devices == "auto" and accelerator == "gpu" else devices
    if wanted != "auto" and (found or accelerator == "gpu") and wanted > found:
        raise ConfigError(
            message(
                f"Each worker must have as many GPUs as requested; TensorFlow sees {found} "
                "here.",
                "`keraunos doctor` shows what TensorFlow sees.",
                accelerator=accelerator,
                devices=devices,
            )
        )
    return min(found, found if devices == "auto" else devices)


@contextlib.contextmanager
def _abort_if_stuck(seconds: int) -> Iterator[None]:
    """Ends the process with code 6 if TensorFlow waits for a worker that has died.

    TensorFlow holds the GIL while it waits, so that no Python thread or signal handler can
    run. C handlers can: the alarm, for a frozen worker, calls `abort`; its signal, SIGABRT,
    which `_watching_workers` also sends, has the number 6 and calls `_exit` with it.
    """
    libc = ctypes.CDLL(None)
    libc.signal.argtypes, libc.signal.restype = [ctypes.c_int, ctypes.c_void_p], _POINTER
    chain = {signal.SIGALRM: libc.abort, signal.SIGABRT: libc._exit}
    before = {
        number: libc.signal(number, ctypes.cast(function, _POINTER))
        for number, function in chain.items()
    }
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            libc.signal(number, handler)


@contextlib.contextmanager
def _watching_workers(cluster: Cluster, channels: Mapping[int, Channel]) -> Iterator[None]:
    """Watches workers from another process; if one dies, reports it and ends this one."""
    if not channels:
        yield
        return
    command = [sys.executable, "-m", watcher.__name__, str(os.getpid())]
    for rank, channel in channels.items():
        command += [str(channel.fileno()), cluster.name(rank)]
    process = subprocess.Popen(
        command,
        pass_fds=[channel.fileno() for channel in channels.values()],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _preserved_signal_handlers() -> Iterator[None]:
    """Restores the handler of SIGTERM, which TensorFlow replaces."""
    yield
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))


def _send_goodbye(workers: ConnectedWorkers) -> None:
    error = vars(sys).get("last_value")
    workers.done() if error is None else workers.fail(error)


def _seconds_from_environment(variable: str, default: float) -> float:
    return number_of(variable, default, "seconds", at_least=1.0, at_most=1e6)
