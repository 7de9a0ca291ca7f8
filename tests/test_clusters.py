"""Scheduler files in docs/clusters match the command line and its exit codes."""

import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from helpers import SECONDS_AT_MOST
from keraunos.cli.commands.launch import _NOT_RESTARTED
from keraunos.cli.main import app
from keraunos.configs import load_config, split_arguments
from keraunos.core.errors import KeraunosError, WorkerError
from keraunos.core.secret import TOKEN_VARIABLE, find_token
from keraunos.core.signals import STOPPING

CLUSTERS = Path(__file__).parents[1] / "docs" / "clusters"
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
INTERRUPTED = {128 + number for number in STOPPING}
LOST = {WorkerError.exit_code, 128 + signal.SIGKILL}


def manifests(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((CLUSTERS / name).read_text()))


def container(name: str) -> dict[str, Any]:
    spec = manifests(name)[0]["spec"]
    spec = spec["tfReplicaSpecs"]["Worker"] if "tfReplicaSpecs" in spec else spec
    (only,) = spec["template"]["spec"]["containers"]
    return dict(only)


def text_of(name: str) -> str:
    if name.endswith(".yaml"):
        return str(container(name)["args"][0])
    return (CLUSTERS / name).read_text()


def stand_in(folder: Path, name: str, script: str) -> dict[str, str]:
    """An environment in which a command of that name is this script."""
    file = folder / name
    file.write_text(f"#!/bin/bash\n{script}\n")
    file.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize("name", ["slurm.sh", "tfjob.yaml", "job.yaml"])
def test_documented_commands_are_valid(name: str) -> None:
    (line,) = re.findall(r"^.*keraunos (?:fit|launch) .*?(?: &)?$", text_of(name), re.M)
    words = shlex.split(line.removesuffix(" &").replace("$JOB_COMPLETION_INDEX", "1"))
    words = words[words.index("keraunos") + 1 :]
    if words[0] == "launch":
        context = COMMANDS["launch"].make_context("launch", words[1:])
        words = context.params["command"]
    context = COMMANDS["fit"].make_context("fit", words[1:])
    config = load_config(*split_arguments(context.params["arguments"]))
    assert config.run_dir is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "restarts", "is_requeued"),
    [(code, 0, False) for code in (0, 1, *_NOT_RESTARTED)]
    + [(code, 99, True) for code in INTERRUPTED]
    + [(code, 9, True) for code in LOST]
    + [(code, 10, False) for code in LOST],
)
def test_slurm_job_is_requeued_when_a_restart_helps(
    code: int, restarts: int, is_requeued: bool, tmp_path: Path
) -> None:
    stand_in(tmp_path, "srun", f"exit {code}")
    environment = stand_in(tmp_path, "scontrol", f'echo "$@" > {tmp_path}/asked')
    done = subprocess.run(
        ["bash", str(CLUSTERS / "slurm.sh")],
        env=environment
        | {"SLURM_JOB_ID": "4711"}
        | ({"SLURM_RESTART_COUNT": str(restarts)} if restarts else {}),
        check=False,
    )
    assert done.returncode == code
    asked = tmp_path / "asked"
    assert asked.exists() == is_requeued
    assert not is_requeued or asked.read_text() == "requeue 4711\n"


def test_slurm_sends_a_signal_that_saves_a_checkpoint() -> None:
    (name,) = re.findall(r"--signal=(\w+)@\d+", text_of("slurm.sh"))
    number = signal.Signals[f"SIG{name}"]
    assert number in STOPPING
    page = (CLUSTERS.parent / "clusters.md").read_text()
    assert f"sends {number.name} before the time limit" in page
    assert f"exits with {128 + number}, and the batch script" in page


def test_each_exit_code_has_one_row_of_advice() -> None:
    page = (CLUSTERS.parent / "clusters.md").read_text()
    rows = re.findall(r"^\| ([\d, ]+) \| (.+) \|$", page, re.M)
    advice = {int(code): told for codes, told in rows for code in codes.split(",")}
    assert {code for code, told in advice.items() if "give up" in told} == _NOT_RESTARTED
    assert {
        code for code, told in advice.items() if "state is saved" in told
    } == INTERRUPTED
    assert {code for code, told in advice.items() if "all workers" in told} == LOST
    kinds = {0, 1, *(kind.exit_code for kind in KeraunosError.__subclasses__())}
    assert set(advice) == kinds | LOST | INTERRUPTED


@pytest.mark.parametrize(("code", "told"), [(0, 0), (2, 2), (6, 138), (143, 143)])
def test_kubeflow_restarts_workers_that_lost_a_peer(
    code: int, told: int, tmp_path: Path
) -> None:
    environment = stand_in(tmp_path, "keraunos", f"exit {code}")
    done = subprocess.run(["bash", "-c", text_of("tfjob.yaml")], env=environment)
    assert done.returncode == told


def test_kubeflow_lets_a_worker_save_before_it_ends(tmp_path: Path) -> None:
    script = (
        f"trap 'sleep 0.5; touch {tmp_path}/saved; exit 143' TERM\n"
        f"touch {tmp_path}/ready\nwhile true; do sleep 0.05; done"
    )
    environment = stand_in(tmp_path, "keraunos", script)
    process = subprocess.Popen(["bash", "-c", text_of("tfjob.yaml")], env=environment)
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)
    process.terminate()
    assert process.wait(timeout=SECONDS_AT_MOST) == 143
    assert (tmp_path / "saved").exists()


@pytest.mark.parametrize("name", ["tfjob.yaml", "job.yaml"])
def test_worker_secret_comes_from_a_cluster_secret(name: str) -> None:
    (variable,) = (v for v in container(name)["env"] if v["name"] == TOKEN_VARIABLE)
    reference = variable["valueFrom"]["secretKeyRef"]
    made = f"create secret generic {reference['name']} --from-file={reference['key']}="
    assert made in (CLUSTERS / name).read_text()
    assert made in (CLUSTERS.parent / "clusters.md").read_text()


def test_each_slurm_job_has_its_own_secret(tmp_path: Path) -> None:
    environment = stand_in(tmp_path, "srun", f'echo "${TOKEN_VARIABLE}"')
    command = ["bash", str(CLUSTERS / "slurm.sh")]
    told = {subprocess.check_output(command, env=environment, text=True) for _ in range(2)}
    assert len(told) == 2
    assert all(find_token(["gpu01"], {TOKEN_VARIABLE: token}) for token in told)


def test_kubeflow_container_has_the_expected_name() -> None:
    (job,) = manifests("tfjob.yaml")
    assert job["spec"]["tfReplicaSpecs"]["Worker"]["restartPolicy"] == "ExitCode"
    assert container("tfjob.yaml")["name"] == "tensorflow"


def test_kubernetes_job_fails_on_errors_that_would_recur() -> None:
    job, service = manifests("job.yaml")
    rules = job["spec"]["podFailurePolicy"]["rules"]
    given_up = next(rule["onExitCodes"] for rule in rules if rule["action"] == "FailJob")
    assert given_up["containerName"] == container("job.yaml")["name"]
    assert set(given_up["values"]) == _NOT_RESTARTED
    assert not set(given_up["values"]) & (INTERRUPTED | {0, WorkerError.exit_code})
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == job["spec"]["template"]["metadata"]["labels"]


def test_kubernetes_job_hosts_are_its_pods() -> None:
    job, service = manifests("job.yaml")
    name, count = job["metadata"]["name"], job["spec"]["completions"]
    assert count == job["spec"]["parallelism"]
    assert service["metadata"]["name"] == job["spec"]["template"]["spec"]["subdomain"]
    hosts = [f"{name}-{number}.{name}" for number in range(count)]
    assert ",".join(hosts) in text_of("job.yaml")


@pytest.mark.parametrize("name", ["tfjob.yaml", "job.yaml"])
def test_pods_have_a_minute_to_save_before_they_are_killed(name: str) -> None:
    text = (CLUSTERS / name).read_text()
    (seconds,) = re.findall(r"terminationGracePeriodSeconds: (\d+)", text)
    assert int(seconds) >= 60
