"""Workers are found from the variables of their launcher; wrong ones are rejected."""

import json
from typing import Any

import pytest
from keraunos import ConfigError
from keraunos.core.cluster import (
    FIRST_PORT,
    PORTS,
    Cluster,
    cluster_of_hosts,
    expand_hosts,
    find_cluster,
)


def tf_config(cluster: Any, kind: str = "worker", index: Any = 0) -> dict[str, str]:
    task = {"type": kind, "index": index}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def slurm(rank: int, job: int = 4711, **others: str) -> dict[str, str]:
    return {
        "SLURM_JOB_ID": str(job),
        "SLURM_PROCID": str(rank),
        "SLURM_STEP_NODELIST": "gpu[01-02]",
        "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
        **others,
    }


def test_without_any_variable_there_is_no_cluster() -> None:
    assert find_cluster({}) is None
    assert find_cluster({"SLURM_JOB_ID": "1", "SLURM_NTASKS": "4"}) is None  # no srun


@pytest.mark.parametrize(
    "environment",
    [{"TF_CONFIG": ""}, {"TF_CONFIG": "{}"}, {"TF_CONFIG": '{"environment": "cloud"}'}],
)
def test_tf_config_without_a_cluster_is_ignored(environment: dict[str, str]) -> None:
    assert find_cluster(environment) is None


def test_chief_or_master_has_rank_0() -> None:
    for name in ("chief", "master"):
        cluster = {name: ["a:1"], "worker": ["b:2", "c:3"]}
        found = [
            find_cluster(tf_config(cluster, name, 0)),
            find_cluster(tf_config(cluster, "worker", 1)),
        ]
        assert found == [Cluster(("a:1", "b:2", "c:3"), rank) for rank in (0, 2)]


def test_first_worker_is_chief_when_none_is_named() -> None:
    found = find_cluster(tf_config({"worker": ["a:1", "b:2"]}, index=0))
    assert found is not None
    assert "chief" in found.name(0)
    assert "chief" not in found.name(1)


def test_evaluator_is_not_a_worker() -> None:
    cluster = {"chief": ["a:1"], "evaluator": ["e:9"]}
    assert find_cluster(tf_config(cluster, "chief")) == Cluster(("a:1",), 0)


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"TF_CONFIG": "{"}, "can't be read"),
        ({"TF_CONFIG": "[]"}, "can't be read"),
        ({"TF_CONFIG": '{"cluster": {"worker": ["a:1"]}}'}, "can't be read"),
        (tf_config({"worker": ["a:1"]}, index="x"), "can't be read"),
        (tf_config({"worker": ["a:1"]}, "chief"), "can't be read"),
        (tf_config({"worker": ["a:1", "b:2"]}, index=2), "no such task"),
        (tf_config({"worker": ["a:1", "b:2"]}, index=-1), "no such task"),
        (tf_config({"worker": ["a:1", "a:1"]}), "the same address"),
        (tf_config({"worker": ["a", "b:2"]}), "HOST:PORT"),
        (tf_config({"worker": ["a:1"], "ps": ["p:1"]}), "must be of type chief or worker"),
        (tf_config({"worker": ["a:1"], "evaluator": ["e:1"]}, "evaluator"), "evaluator"),
        (tf_config({"chief": ["a:1", "b:1"]}, "chief"), "more than one chief"),
    ],
)
def test_invalid_tf_config_is_rejected(environment: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        find_cluster(environment)
    assert "TF_CONFIG" in str(caught.value)


def test_each_task_of_a_slurm_step_is_a_worker() -> None:
    clusters = [find_cluster(slurm(rank)) for rank in range(4)]
    assert all(cluster is not None for cluster in clusters)
    assert [cluster and cluster.rank for cluster in clusters] == [0, 1, 2, 3]
    (addresses,) = {cluster.addresses for cluster in clusters if cluster}
    hosts, ports = zip(*(each.split(":") for each in addresses), strict=True)
    assert hosts == ("gpu01", "gpu01", "gpu02", "gpu02")
    assert ports[:2] == ports[2:]
    assert int(ports[1]) == int(ports[0]) + 1


def test_jobs_on_one_node_use_different_ports() -> None:
    ports: set[str] = set()
    for job in range(1000, 1000 + 50):
        cluster = find_cluster(slurm(0, job))
        assert cluster is not None
        own = {each.split(":")[1] for each in cluster.addresses}
        assert not own & ports
        assert all(FIRST_PORT <= int(port) < FIRST_PORT + PORTS for port in own)
        ports |= own


def test_tf_config_takes_precedence_over_slurm() -> None:
    found = find_cluster(slurm(1) | tf_config({"worker": ["a:1", "b:2"]}))
    assert found == Cluster(("a:1", "b:2"), 0)


@pytest.mark.parametrize(
    "wrong",
    [{"SLURM_STEP_TASKS_PER_NODE": "2"}, {"SLURM_STEP_TASKS_PER_NODE": "two"}],
)
def test_contradictory_slurm_variables_are_rejected(
    wrong: dict[str, str],
) -> None:
    with pytest.raises(ConfigError, match="SLURM"):
        find_cluster(slurm(0, **wrong))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("node7", ["node7"]),
        ("a,b", ["a", "b"]),
        ("n[1,3]", ["n1", "n3"]),
        ("n[08-11]-ib", ["n08-ib", "n09-ib", "n10-ib", "n11-ib"]),
        ("r[1-2]n[1-2],x", ["r1n1", "r1n2", "r2n1", "r2n2", "x"]),
    ],
)
def test_slurm_node_lists_are_expanded(text: str, names: list[str]) -> None:
    assert expand_hosts(text) == names


def test_manual_hosts_yield_the_same_addresses_on_all_machines() -> None:
    first, second = (cluster_of_hosts(("a", "b"), 2, node, 2000) for node in (0, 1))
    assert {each.addresses for each in first + second} == {
        ("a:2000", "a:2001", "b:2000", "b:2001")
    }
    assert [each.rank for each in first + second] == [0, 1, 2, 3]


def test_cluster_round_trips_through_tf_config() -> None:
    cluster = Cluster(("a:1", "b:2"), 1)
    assert find_cluster({"TF_CONFIG": cluster.tf_config()}) == cluster


def test_tf_config_records_whether_a_launcher_chose_the_ports() -> None:
    for source, expected in (("keraunos launch", True), ("--hosts", False)):
        found = find_cluster({"TF_CONFIG": Cluster(("a:1", "b:2"), 1, source).tf_config()})
        assert found is not None
        assert found.has_chosen_ports == expected


def test_slurm_tasks_on_one_node_meet_on_loopback() -> None:
    one = {"SLURM_STEP_NODELIST": "gpu07", "SLURM_STEP_TASKS_PER_NODE": "2"}
    found, two = find_cluster(slurm(1, **one)), find_cluster(slurm(1))
    assert found is not None
    assert two is not None
    assert found.hosts == ("127.0.0.1", "127.0.0.1")
    assert (found.is_on_one_machine, two.is_on_one_machine) == (True, False)


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (("127.0.0.1:1", "localhost:2"), True),
        (("[::1]:1", "[::1]:2"), True),
        (("127.0.0.1:1", "gpu02:2"), False),
        (("0.0.0.0:1", "0.0.0.0:2"), False),
    ],
)
def test_cluster_is_on_one_machine_if_all_addresses_are_loopback(
    addresses: tuple[str, ...], expected: bool
) -> None:
    cluster = Cluster(addresses, 1)
    assert cluster.is_on_one_machine == expected
    assert cluster.port == 2
