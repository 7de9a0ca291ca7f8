"""TensorFlow's messages about itself are hidden, and nothing else."""

import os
import subprocess
import sys

import pytest
from keraunos.core.startup_noise import LEVEL_VARIABLE, without_startup_noise

NOISE = b"I0000 00:00:1.5 9 port.cc:153] oneDNN custom operations are on.\n"
ERROR = b"E0000 00:00:1.5 9 gpu.cc:7] out of memory\n"


@pytest.mark.parametrize(
    ("level", "shown"), [(None, ERROR), ("2", ERROR), ("0", NOISE + ERROR)]
)
def test_only_known_messages_are_hidden_unless_the_user_asked_for_them(
    level, shown, monkeypatch, capfd
):
    monkeypatch.delenv(LEVEL_VARIABLE, raising=False)
    if level is not None:
        monkeypatch.setenv(LEVEL_VARIABLE, level)
    with pytest.raises(ImportError), without_startup_noise():
        os.write(2, NOISE + ERROR)
        raise ImportError
    assert capfd.readouterr().err.encode() == shown
    assert os.environ[LEVEL_VARIABLE] == (level or "2")
    os.write(2, NOISE)
    assert capfd.readouterr().err.encode() == NOISE


def test_process_without_standard_error_can_start():
    program = "from keraunos.core.startup_noise import without_startup_noise as w\n"
    program += "with w(): print('ok')"
    command = f'"{sys.executable}" -c "$0" 2>&-'
    done = subprocess.run(["sh", "-c", command, program], capture_output=True, check=True)
    assert done.stdout == b"ok\n"


PROGRAM = """
import keraunos as kr
kr.ImageData
kr.Trainer(accelerator="auto").check()
"""


@pytest.mark.nightly
def test_program_prints_no_startup_noise():
    own = {name: value for name, value in os.environ.items() if name != LEVEL_VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=own, capture_output=True, check=True
    )
    assert done.stderr == b""
