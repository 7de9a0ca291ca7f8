"""Runtimes send no telemetry and leave the environment unchanged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checked_exports import DESCRIPTION, onnx_format, tiny_model
from helpers import SECONDS_AT_MOST

_PROGRAM = """
import os, sys
from pathlib import Path
import numpy as np
from keraunos.export.portable.runtimes import open_runtime
from keraunos.export.portable.telemetry import import_silently

before = dict(os.environ)
import_silently("openvino")
run = open_runtime("onnx", Path(sys.argv[1]))
assert run(np.zeros((2, 32, 32, 3), np.uint8)).shape == (2, 3)
assert dict(os.environ) == before
"""


@pytest.mark.slow
def test_runtimes_send_no_telemetry_and_store_no_machine_id(tmp_path: Path) -> None:
    onnx_format().write(tiny_model(), DESCRIPTION, tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    switches = ("CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_DATA_HOME")
    environment = {k: v for k, v in os.environ.items() if k not in switches}
    subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path / "model.onnx")],
        env={**environment, "HOME": str(home)},
        check=True,
        timeout=SECONDS_AT_MOST,
    )
    assert list(home.rglob("*")) == []
