"""A worker that a fault hits is named by the other, which ends in time.

benchmarks/worker_faults.py runs all cells of the table in docs/clusters.md; here are
those that differ in how a fault is detected. Signals and late or missing workers have
separate tests.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import SECONDS_AT_MOST

ROOT = Path(__file__).parents[2]
LOST_SECONDS = 5
# For detection, the shutdown of TensorFlow and a busy machine.
SECONDS_MORE = 25

pytestmark = pytest.mark.slow

# Fault, victim and time; the codes of both (None: was frozen), and the message.
NOTICED = [
    ("SIGKILL:chief:step", [-9, 6], "worker 0, the chief .* ended unexpectedly"),
    ("SIGSTOP:worker:validation", [6, None], "worker 1 .* no heartbeat for 5 seconds"),
]
AT_OTHER_TIMES = [
    ("exception:worker:step", [6, 1], "worker 1 .* failed: RuntimeError: a fault"),
    ("SIGKILL:worker:strategy", [6, -9], "worker 1 .* while TensorFlow was being set up"),
    ("SIGKILL:worker:save", [6, -9], "worker 1 .* ended unexpectedly"),
    ("port in use:worker:start", [2, 2], "port"),
]


@pytest.mark.parametrize(
    "cells",
    [NOTICED, pytest.param(AT_OTHER_TIMES, marks=pytest.mark.nightly)],
    ids=["noticed", "at other times"],
)
def test_every_fault_ends_all_workers_in_time_and_is_named(
    cells: list[tuple[str, list[int | None], str]],
) -> None:
    program = ROOT / "benchmarks" / "worker_faults.py"
    options = ["--lost-seconds", str(LOST_SECONDS), "--meet-seconds", "8"]
    done = subprocess.run(
        [sys.executable, str(program), *options, "--only", *(cell for cell, _, _ in cells)],
        capture_output=True,
        text=True,
        timeout=SECONDS_AT_MOST,
        check=True,
    )
    results = json.loads(done.stdout.splitlines()[-1])["cells"]
    assert len(results) == len(cells)
    for (cell, codes, said), result in zip(cells, results, strict=True):
        assert result["codes"] == codes, (cell, result)
        assert re.search(said, result["said"]), (cell, result)
        assert not result["hung"], (cell, result)
        assert result["seconds"] < LOST_SECONDS + SECONDS_MORE, (cell, result)
