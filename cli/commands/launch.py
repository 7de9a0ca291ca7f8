"""`keraunos launch`: start several worker processes on this machine."""

import os
import random
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ...core.cluster import (
    FIRST_PORT,
    LAUNCHER,
    PORTS,
    TF_CONFIG,
    Cluster,
    cluster_of_hosts,
)
from ...core.errors import ConfigError, KeraunosError, WorkerError, message
from ...core.processes import (
    DEVICES_VARIABLE,
    ProcessGroup,
    describe_exit,
    visible_gpus,
    worker_environments,
)
from ...core.restarts import COUNT_VARIABLE, REASON_VARIABLE, Restarts
from ...core.restarts import VARIABLE as PROGRESS_VARIABLE
from ...core.secret import TOKEN_VARIABLE, find_token, new_token
from ...core.signals import StopSignal, stop_signals
from ..console import notify
from ..typed_command import LAUNCH_VARIABLE, launching

# Time for the other workers to notice that one has ended, and to save their state.
SECONDS_TO_END = 90.0
OWN_COMMANDS = ("fit", "search")  # the latter says that it takes one worker
# A restart would fail in the same way.
_NOT_RESTARTED = {
    kind.exit_code for kind in KeraunosError.__subclasses__() if kind is not WorkerError
}


def launch(
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="-- COMMAND...", help="Program to run, or `fit CONFIG... run_dir=RUN`."
        ),
    ],
    workers: Annotated[
        int, typer.Option(min=1, help="Number of workers on this machine.")
    ] = 1,
    max_restarts: Annotated[
        int,
        typer.Option(
            min=0,
            help="Maximum number of times to restart all workers from the last checkpoint; "
            "the count starts over at each new checkpoint.",
        ),
    ] = 0,
    hosts: Annotated[
        str | None,
        typer.Option(
            help="All machines, separated by commas; the same list on each of them."
        ),
    ] = None,
    node_rank: Annotated[
        int, typer.Option(min=0, help="Index of this machine in --hosts, from 0.")
    ] = 0,
    port: Annotated[
        int,
        typer.Option(min=1, max=65535, help="First port of each machine, with --hosts."),
    ] = FIRST_PORT,
    prefix: Annotated[
        bool, typer.Option(help="Whether to prefix lines with the number of the worker.")
    ] = True,
) -> None:
    """Run a program in several workers that train together."""
    names = _hosts(hosts, node_rank, max_restarts)
    if command[0] in OWN_COMMANDS:
        command = [sys.executable, "-m", "keraunos", *command]
    with tempfile.TemporaryDirectory(prefix="keraunos-") as folder, stop_signals() as stop:
        progress = Path(folder) / "progress"
        restarts = Restarts(max_restarts, progress)
        reason = ""
        while True:
            clusters = _clusters(names, workers, node_rank, port)
            variables = {
                PROGRESS_VARIABLE: str(progress),
                TOKEN_VARIABLE: _token(clusters),
                COUNT_VARIABLE: str(restarts.total),
                REASON_VARIABLE: reason,
                LAUNCH_VARIABLE: launching(),
            }
            code, reason = _run(command, clusters, variables, prefix, stop)
            if not _is_restartable(code) or stop.received or not restarts.is_allowed():
                raise typer.Exit(code)
            notify(f"restarting all workers ({restarts.count} of {max_restarts} restarts)")


def _hosts(hosts: str | None, node_rank: int, max_restarts: int) -> tuple[str, ...]:
    if hosts is None:
        return ()
    names = tuple(name.strip() for name in hosts.split(","))
    if not all(names):
        raise ConfigError(
            message("`--hosts` must be names separated by commas.", hosts=hosts)
        )
    if node_rank >= len(names):
        raise ConfigError(
            message(
                f"`--node-rank` must be below {len(names)}, the number of hosts.",
                node_rank=node_rank,
            )
        )
    if max_restarts:
        raise ConfigError(
            message(
                "`--max-restarts` restarts the workers of one machine; on several "
                "machines, a scheduler does.",
                "Leave it out; see docs/clusters.md.",
                max_restarts=max_restarts,
            )
        )
    return names


def _clusters(
    hosts: tuple[str, ...], workers: int, node_rank: int, port: int
) -> list[Cluster]:
    """Returns the cluster as seen by each worker of this machine."""
    if hosts:
        return cluster_of_hosts(hosts, workers, node_rank, port)
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(workers))
    return [Cluster(addresses, rank, LAUNCHER) for rank in range(workers)]


def _token(clusters: Sequence[Cluster]) -> str:
    """Returns a new token for each start; for several machines, the one set on all."""
    cluster = clusters[0]
    is_alone = cluster.has_chosen_ports or len(cluster.addresses) == 1
    return new_token() if is_alone else find_token(cluster.hosts)


def free_ports(count: int) -> list[int]:
    """Returns ports without a listener that no outgoing connection will use."""
    ports: list[int] = []
    for port in random.sample(range(FIRST_PORT, FIRST_PORT + PORTS), PORTS):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                ports.append(port)
        if len(ports) == count:
            return ports
    raise ConfigError(message("Free ports are needed.", workers=count))


def _run(
    command: Sequence[str],
    clusters: Sequence[Cluster],
    variables: Mapping[str, str],
    prefix: bool,
    stop: StopSignal,
) -> tuple[int, str]:
    """Runs all workers until they end; returns the exit code and the first failure."""

    def write(number: int, name: str, line: str) -> None:
        start = f"[{clusters[number].rank}] " if prefix else ""
        stream = sys.stdout if name == "out" else sys.stderr
        stream.write(f"{start}{line}\n")
        stream.flush()

    shares = worker_environments(len(clusters), visible_gpus())
    environments = [
        {name: value for name, value in share.items() if name not in os.environ}
        | {name: value for name, value in share.items() if name == DEVICES_VARIABLE}
        | {TF_CONFIG: cluster.tf_config(), **variables}
        for share, cluster in zip(shares, clusters, strict=True)
    ]
    group = ProcessGroup([command] * len(clusters), environments, write)
    ended = group.wait(stop, SECONDS_TO_END)
    failed = [
        f"{clusters[number].name(clusters[number].rank)} {describe_exit(code)}"
        for number, code in ended
        if code
    ]
    for line in failed:
        notify(line)
    first = failed[0] if failed else ""  # the others failed because they lost this one
    return code_of_failure([code for _, code in ended]), first


def code_of_failure(codes: Sequence[int]) -> int:
    """Returns the exit code for a group of workers.

    This is the first code that names a cause: not of a worker that was killed by a signal
    or that lost another worker.

    Args:
        codes: The exit code of each worker, in the order in which they ended.

    Example:
        >>> code_of_failure([6, 3, 1]), code_of_failure([-9, 6]), code_of_failure([0, 0])
        (3, 6, 0)
    """
    lost = WorkerError.exit_code
    own = [code for code in codes if code > 0 and code != lost]
    return own[0] if own else lost * any(codes)


def _is_restartable(code: int) -> bool:
    return 0 < code <= 128 and code not in _NOT_RESTARTED
