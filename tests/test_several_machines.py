"""The tutorial's program for workers ends, restarts and prints what the page shows."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from programs import wait_for
from shown_blocks import ROOT, blocks_of, write_files

PAGE = ROOT / "docs" / "tutorials" / "several-machines.md"


def without_numbers(text: str) -> str:
    """Text in which ports, steps and times are the same in each run."""
    return re.sub(r"\d+", "N", text)


def pid_of_worker(rank: int, launcher: int) -> int:
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    for pid in children:
        variables = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        (config,) = (v[10:] for v in variables if v.startswith("TF_CONFIG="))
        if json.loads(config)["task"]["index"] == rank:
            return int(pid)
    raise LookupError(rank)


@pytest.mark.nightly
def test_tutorial_program_restarts_and_stops_as_documented(tmp_path: Path) -> None:
    write_files(blocks_of(PAGE), tmp_path)
    program = tmp_path / "train.py"
    program.write_text(program.read_text().replace("max_epochs=5", "max_epochs=4000"))
    log = tmp_path / "log"
    launch = [sys.executable, "-m", "keraunos", "launch", "--workers", "2"]
    with log.open("w") as file:
        launcher = subprocess.Popen(
            [*launch, "--max-restarts", "1", "--", sys.executable, "train.py"],
            cwd=tmp_path,
            stdout=file,
            stderr=file,
        )
    try:
        wait_for(lambda: "epoch=3/4000" in log.read_text())
        os.kill(pid_of_worker(1, launcher.pid), signal.SIGKILL)
        wait_for(lambda: "worker restarted" in log.read_text())
        epoch = log.read_text().count("epoch=")
        wait_for(lambda: log.read_text().count("epoch=") > epoch)
        launcher.terminate()
        assert launcher.wait(300) == 128 + signal.SIGTERM, log.read_text()
    finally:
        launcher.kill()
    said = without_numbers(log.read_text())
    section = PAGE.read_text().partition("\n## When a worker dies\n")[2]
    shown = re.findall(r"^```text\n(.*?)^```$", section, re.M | re.S)
    lines = without_numbers("".join(shown)).splitlines()
    assert len(lines) == 6
    assert [line for line in lines if line not in said] == []
    assert "[N] interrupted: stopped by SIGTERM; the state is saved\n" in said
    assert "validation accuracy:" not in said
