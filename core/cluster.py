"""Finds the workers of a run and the rank of this process in the environment.

Supports `TF_CONFIG` (set by Kubernetes, Vertex AI and `keraunos launch`), and the
environment variables of a SLURM step.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError, message
from .secret import is_loopback

TF_CONFIG = "TF_CONFIG"
LAUNCHER = "keraunos launch"
_ONE_MACHINE = "127.0.0.1"
_SLURM_STEP = "SLURM_STEP_NODELIST"
# Below the range that Linux uses for outgoing connections.
FIRST_PORT, PORTS = 20000, 10000
_CHIEFS = ("chief", "master")


@dataclass(frozen=True)
class Cluster:
    """All workers of a run.

    Attributes:
        addresses: `host:port` of each worker, the chief first.
        rank: Index of this process in `addresses`.
        source: Where the addresses come from.
    """

    addresses: tuple[str, ...]
    rank: int
    source: str = TF_CONFIG

    @property
    def hosts(self) -> tuple[str, ...]:
        """The host of each worker, without the brackets of IPv6."""
        return tuple(each.rpartition(":")[0].strip("[]") for each in self.addresses)

    @property
    def port(self) -> int:
        """The port of this worker."""
        return int(self.addresses[self.rank].rpartition(":")[2])

    @property
    def is_on_one_machine(self) -> bool:
        """Whether all workers run on this machine."""
        return all(map(is_loopback, self.hosts))

    @property
    def has_chosen_ports(self) -> bool:
        """Whether the launcher has chosen free ports, which differ for each start."""
        return self.source == LAUNCHER

    def name(self, rank: int) -> str:
        """Returns the name of a worker for messages.

        Example:
            >>> Cluster(("a:20000", "b:20000"), rank=0).name(1)
            'worker 1 (b:20000)'
        """
        return f"worker {rank}{', the chief' * (rank == 0)} ({self.addresses[rank]})"

    def tf_config(self) -> str:
        """Returns the value of TF_CONFIG for this cluster."""
        task = {"type": "worker", "index": self.rank}
        config = {"cluster": {"worker": list(self.addresses)}, "task": task}
        return json.dumps(config | {"environment": self.source})


def find_cluster(environment: Mapping[str, str] | None = None) -> Cluster | None:
    """Reads the cluster from the environment.

    Args:
        environment: Environment variables; by default those of the process.

    Returns:
        The cluster, or None if the environment names no workers.

    Raises:
        ConfigError: The variables are invalid.
    """
    environment = os.environ if environment is None else environment
    if environment.get(TF_CONFIG):
        return _from_tf_config(environment[TF_CONFIG])
    if _SLURM_STEP in environment:
        return _from_slurm(environment)
    return None


def names_workers() -> bool:
    """Returns whether the environment says that this process is a worker."""
    return bool(os.environ.get(TF_CONFIG)) or _SLURM_STEP in os.environ


def has_several_workers() -> bool:
    """Returns whether the environment names more than one worker."""
    cluster = find_cluster()
    return cluster is not None and len(cluster.addresses) > 1


def cluster_of_hosts(
    hosts: tuple[str, ...], workers_per_host: int, node_rank: int, first_port: int
) -> list[Cluster]:
    """Returns the cluster as seen by each worker of this machine, given all machines.

    Args:
        hosts: All machines, in the same order on each of them.
        workers_per_host: Number of workers on each machine.
        node_rank: Index of this machine in `hosts`.
        first_port: Port of the first worker on each machine.

    Returns:
        One cluster per worker of this machine; they differ in `rank`.
    """
    ports = range(first_port, first_port + workers_per_host)
    addresses = tuple(f"{host}:{port}" for host in hosts for port in ports)
    first = node_rank * workers_per_host
    ranks = range(first, first + workers_per_host)
    return [Cluster(addresses, rank, "--hosts") for rank in ranks]


def _from_tf_config(text: str) -> Cluster | None:
    try:
        config = json.loads(text)
        jobs, task = config.get("cluster") or {}, config.get("task") or {}
        if not jobs:
            return None
        index = int(task["index"])
        own = jobs[task["type"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _bad_tf_config(f"it can't be read ({error!r})", text) from None
    unknown = sorted(set(jobs) - {*_CHIEFS, "worker", "evaluator"})
    if unknown or task["type"] == "evaluator":
        what = unknown or ["evaluator"]
        raise _bad_tf_config(f"tasks must be of type chief or worker, not {what}", text)
    chiefs = [address for name in _CHIEFS for address in jobs.get(name, [])]
    addresses = (*chiefs, *jobs.get("worker", []))
    rank = index + (len(chiefs) if task["type"] == "worker" else 0)
    if len(chiefs) > 1 or not 0 <= index < len(own):
        raise _bad_tf_config("there is no such task, or more than one chief", text)
    if len(set(addresses)) < len(addresses):
        raise _bad_tf_config("two workers have the same address", text)
    if not all(re.fullmatch(r".+:\d+", str(address)) for address in addresses):
        raise _bad_tf_config("addresses are HOST:PORT", text)
    by_launcher = config.get("environment") == LAUNCHER
    return Cluster(addresses, rank, LAUNCHER if by_launcher else TF_CONFIG)


def _bad_tf_config(why: str, text: str) -> ConfigError:
    return ConfigError(
        message(
            f"${TF_CONFIG} must name all workers and which of them this process is; {why}.",
            'Its form is {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": '
            '"worker", "index": 0}}; unset it to train in one process.',
            **{TF_CONFIG: text},
        )
    )


def _from_slurm(environment: Mapping[str, str]) -> Cluster | None:
    """Returns the tasks of a SLURM step as workers, with ports derived from the job id.

    Two jobs on a node get different ports, unless their ids differ by a multiple of the
    number of port blocks. On a single node, the workers use the loopback interface.
    """
    try:
        hosts = expand_hosts(environment[_SLURM_STEP])
        tasks = _expand_counts(environment["SLURM_STEP_TASKS_PER_NODE"])
        rank = int(environment["SLURM_PROCID"])
        job = int(environment["SLURM_JOB_ID"])
        counts = dict(zip(hosts, tasks, strict=True))
    except (KeyError, ValueError) as error:
        raise ConfigError(
            message(
                f"The environment variables of the SLURM step can't be read ({error!r}).",
                "Start one task per worker with srun, or unset SLURM_STEP_NODELIST.",
                **{k: v for k, v in environment.items() if k.startswith("SLURM_STEP")},
            )
        ) from None
    block = max(counts.values())
    first = FIRST_PORT + job * block % (PORTS - PORTS % block)
    addresses = tuple(
        f"{host if len(hosts) > 1 else _ONE_MACHINE}:{first + place}"
        for host in hosts
        for place in range(counts[host])
    )
    return Cluster(addresses, rank, "SLURM")


def expand_hosts(text: str) -> list[str]:
    """Expands SLURM's compact notation of a node list.

    Example:
        >>> expand_hosts("gpu[01-03,7],login")
        ['gpu01', 'gpu02', 'gpu03', 'gpu7', 'login']
    """
    names = []
    for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", text):
        match = re.fullmatch(r"([^\[]*)\[([^\]]*)\](.*)", part)
        if match is None:
            names.append(part)
            continue
        for item in match[2].split(","):
            first, _, last = item.partition("-")
            numbers: Any = range(int(first), int(last or first) + 1)
            inner = [f"{match[1]}{n:0{len(first)}d}{match[3]}" for n in numbers]
            names += [name for each in inner for name in expand_hosts(each)]
    return names


def _expand_counts(text: str) -> list[int]:
    """Expands the number of tasks on each node: `2(x3),1` is 2, 2, 2, 1."""
    counts: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if match is None:
            raise ValueError(text)
        counts += [int(match[1])] * int(match[2] or 1)
    return counts
