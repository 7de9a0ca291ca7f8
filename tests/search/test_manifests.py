"""The manifests of docs/search-on-clusters.md say what the code reads."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from keraunos.core.secret import TOKEN_VARIABLE, find_token
from keraunos.search.cluster.role import ID, IP, PORT, Role

PAGE = Path(__file__).parents[2] / "docs" / "search-on-clusters.md"


@pytest.fixture(scope="module")
def blocks():
    return dict(re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL))


def environment(job):
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value") for each in container["env"]}


def test_kubernetes_jobs_configure_chief_and_workers(blocks):
    service, chief, worker = yaml.safe_load_all(blocks["yml"])
    assert [each["kind"] for each in (service, chief, worker)] == ["Service", "Job", "Job"]
    ours, theirs = environment(chief), environment(worker)
    assert {ID, IP, PORT, TOKEN_VARIABLE} <= ours.keys() & theirs.keys()
    assert Role(ours[ID], "").is_chief
    assert theirs[IP] == service["metadata"]["name"]
    assert service["spec"]["selector"]["job-name"] == chief["metadata"]["name"]
    assert int(theirs[PORT]) == int(ours[PORT]) == service["spec"]["ports"][0]["port"]
    assert worker["spec"]["completionMode"] == "Indexed"


def test_slurm_script_runs_in_bash_and_starts_chief_and_workers(blocks, tmp_path):
    script = blocks["sh"]
    told = " ".join(f"${name}" for name in (ID, IP, PORT, TOKEN_VARIABLE))
    (tmp_path / "keraunos").write_text(f'#!/bin/bash\necho "{told} $*"\n')
    (tmp_path / "scontrol").write_text("#!/bin/bash\necho node-1\necho node-2\n")
    (tmp_path / "srun").write_text('#!/bin/bash\nshift\nexec "$@"\n')
    for name in ("keraunos", "scontrol", "srun"):
        (tmp_path / name).chmod(0o755)

    def task(number):
        environment = {
            "PATH": f"{tmp_path}:/usr/bin:/bin",
            "SLURM_PROCID": str(number),
            "SLURM_JOB_ID": "123456",
            "SLURM_JOB_NODELIST": "node-[1-2]",
            "SLURM_SUBMIT_DIR": str(tmp_path),
        }
        command = ["bash", "-euc", script]
        return subprocess.check_output(command, env=environment, text=True).split()

    for number, name in ((0, "chief"), (1, "worker-1"), (4, "worker-4")):
        tuner_id, address, port, token, *arguments = task(number)
        assert (tuner_id, address, port) == (name, "node-1", "23456")
        assert find_token([address], {TOKEN_VARIABLE: token}) == token
        assert arguments[0] == "search"
        assert arguments[-1].startswith("run_dir=")
        assert Role(tuner_id, "").is_chief is (number == 0)
