"""Commands end cleanly whatever standard output and standard error are."""

import subprocess
import sys

import pytest

KERAUNOS = f"{sys.executable} -m keraunos"
ASCII = "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=ascii"


def shell(command: str, cwd) -> subprocess.CompletedProcess[str]:
    line = f"set -o pipefail; {command.replace('KERAUNOS', KERAUNOS)}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=cwd)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    return done


QUICK = [
    ("KERAUNOS config classify | head -1", 0, "run_dir: null\n", ""),
    ("KERAUNOS recipes >/dev/full", 2, "", "error: Standard output must be"),
    (rf"{ASCII} KERAUNOS test $'[red]\x1b[31m\u00e9'", 2, "", r"[red]\x1b[31m\udcc3\udca9"),
]
SLOW = [
    ("PYTHONIOENCODING=ascii KERAUNOS launch -- echo nævus", 0, r"n\xe6vus", ""),
    ("(sleep 0.2; KERAUNOS recipes) | true", 0, "", ""),
    ("(sleep 0.2; KERAUNOS fit nowhere 2>&1) | true", 2, "", ""),
    ("KERAUNOS fit nowhere 2>&-", 2, "", ""),
    (r"KERAUNOS $'\x1b[31m'", 2, "", r"\x1b[31m"),
    ("PYTHONIOENCODING=ascii KERAUNOS config classify run_dir=é", 0, r'"\xE9"', ""),
    (f"{ASCII} KERAUNOS fit nævus", 2, "", "error: A configuration"),
    ("COLUMNS=20 KERAUNOS recipes", 0, "classif", ""),
]
NIGHTLY = [
    ("KERAUNOS recipes >&-", 0, "", ""),
    ("(sleep 0.2; KERAUNOS --help) | true", 0, "", ""),
    (r"KERAUNOS fit $'--x\x1b[31m'", 2, "", r"--x\x1b[31m"),
    ("COLUMNS=0 TERM=dumb NO_COLOR=1 KERAUNOS recipes", 0, "classif", ""),
    ("KERAUNOS fit nowhere 2>/dev/full", 2, "", ""),
    ("PYTHONIOENCODING=ascii KERAUNOS recipes", 0, "+---", ""),
    ("KERAUNOS doctor 2>&-", 0, "tensorflow", ""),  # loads TensorFlow
]


@pytest.mark.parametrize(
    ("command", "code", "out", "err"),
    [
        *QUICK,
        *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW),
        *(pytest.param(*case, marks=pytest.mark.nightly) for case in NIGHTLY),
    ],
)
def test_commands_handle_closed_full_and_ascii_streams(command, code, out, err, tmp_path):
    done = shell(command, tmp_path)
    assert done.returncode == code, done
    assert out in done.stdout
    assert err in done.stderr


def test_broken_pipe_in_user_code_is_an_error(keraunos, small, tmp_path):
    (tmp_path / "own.py").open("a").write(
        "\ndef lose():\n    raise BrokenPipeError(32, 'x')\n"
    )
    answer = keraunos("fit", *small, "model.builder=own:lose")
    assert answer.code == 1
    assert "BrokenPipeError" in answer.err
