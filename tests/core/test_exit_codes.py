import subprocess
import sys

import pytest
from keraunos import KeraunosError, WorkerError
from keraunos.core.exit_codes import exit_codes

PROGRAM = "import keraunos as kr\nwith kr.exit_codes():\n    raise kr.WorkerError('lost')"


def test_a_program_exits_with_the_code_of_the_error_and_its_message() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr, done.stdout) == (6, "error: lost\n", "")


@pytest.mark.parametrize("kind", [WorkerError, *KeraunosError.__subclasses__()])
def test_each_kind_has_its_code(kind: type[KeraunosError]) -> None:
    with pytest.raises(SystemExit) as end, exit_codes():
        raise kind("sentence")
    assert end.value.code == kind.exit_code
    assert isinstance(end.value.__cause__, kind)


def test_other_exceptions_pass() -> None:
    with pytest.raises(LookupError), exit_codes():
        raise LookupError
