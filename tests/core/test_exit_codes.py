"""User programs exit with the same codes as the command line."""

import subprocess
import sys

import pytest
from keraunos import KeraunosError, WorkerError
from keraunos.core.cluster import Cluster
from keraunos.core.exit_codes import (
    end_if_interrupted,
    exit_codes,
    interruptions_returned,
)

BLOCK = "import keraunos as kr\nwith kr.exit_codes():\n    raise kr.WorkerError('lost')"
# As `init_workers` does, without TensorFlow.
WORKER = """
import atexit
from keraunos.core.errors import ConfigError, DataError, WorkerError
from keraunos.core.exit_codes import exit_with_code_of_error
for _ in range(2):
    exit_with_code_of_error()
atexit.register(print, "goodbye")
"""
TF_CONFIG = Cluster(("127.0.0.1:20000",), 0).tf_config()


def run(program: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_program_exits_with_the_code_and_message_of_the_error() -> None:
    assert run(BLOCK) == (6, "", "error: lost\n")


@pytest.mark.parametrize("kind", [WorkerError, *KeraunosError.__subclasses__()])
def test_each_error_exits_with_its_code(kind: type[KeraunosError]) -> None:
    with pytest.raises(SystemExit) as end, exit_codes():
        raise kind("sentence")
    assert end.value.code == kind.exit_code
    assert isinstance(end.value.__cause__, kind)


def test_other_exceptions_are_not_caught() -> None:
    with pytest.raises(LookupError), exit_codes():
        raise LookupError


def test_worker_error_prints_only_its_message() -> None:
    assert run(WORKER + "raise WorkerError('lost')") == (6, "goodbye\n", "error: lost\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [("ConfigError('bad')", 2), ("DataError('bad')", 3), ("KeyError(1)", 1)],
)
def test_other_errors_of_a_worker_keep_their_traceback(error: str, code: int) -> None:
    found, out, said = run(WORKER + f"raise {error}")
    assert (found, out) == (code, "goodbye\n")
    assert said.startswith("Traceback (most recent call last):")
    assert said.count(error.partition("(")[0]) == 1


@pytest.mark.parametrize("variable", ["TF_CONFIG", "SLURM_STEP_NODELIST"])
def test_an_interrupted_fit_ends_the_program_of_a_worker(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_if_interrupted(143)
    monkeypatch.setenv(variable, TF_CONFIG)
    end_if_interrupted(0)
    with interruptions_returned():
        end_if_interrupted(143)
    with pytest.raises(SystemExit) as end:
        end_if_interrupted(143)
    assert end.value.code == 143


def test_interrupted_fit_ends_the_program_only_within_the_block() -> None:
    with pytest.raises(SystemExit) as end, exit_codes():
        with interruptions_returned():
            end_if_interrupted(138)
        end_if_interrupted(140)
    assert end.value.code == 140
    end_if_interrupted(140)


def test_interrupted_fit_does_not_end_an_interactive_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TF_CONFIG", TF_CONFIG)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    end_if_interrupted(130)
