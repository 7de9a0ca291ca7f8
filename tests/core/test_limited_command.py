import sys
import time
from pathlib import Path

import pytest
from keraunos.core.limited_command import run_limited
from keraunos.core.secret import TOKEN_VARIABLE

SHELL = "/bin/sh"


def test_a_command_gets_text_and_variables_but_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "secret")
    script = f'cat; echo "$KIND [${TOKEN_VARIABLE}]"'
    command = [SHELL, "-c", f"({script}) > {tmp_path / 'got'}"]
    assert run_limited(command, "hello ", {"KIND": "stall"}, 30.0) is None
    assert (tmp_path / "got").read_text() == "hello stall []\n"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (["/no/such/program"], "it can't be run"),
        ([SHELL, "-c", "echo no disk >&2; exit 3"], "it ended with code 3: no disk"),
        (["a\0b"], "it can't be run"),
    ],
)
def test_failure_of_a_command_is_returned(command, problem):
    assert problem in run_limited(command, "", {}, 30.0)


def test_hanging_command_is_killed_with_its_children(tmp_path):
    note = tmp_path / "child"
    child = [SHELL, "-c", f"sleep 600 & echo $! > {note}; wait"]
    assert "took longer than 0.5 seconds" in run_limited(child, "", {}, 0.5)
    stat = Path(f"/proc/{note.read_text().strip()}/stat")
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)  # at most until the timeout of the test


def test_command_is_run_without_a_shell(tmp_path):
    write = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    file = tmp_path / "got"
    assert (
        run_limited([sys.executable, "-c", write, file, "$HOME; `id`"], "", {}, 60) is None
    )
    assert file.read_text() == "$HOME; `id`"
