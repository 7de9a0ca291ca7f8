import os
import sys

from keraunos.core.process_memory import available_bytes, own_bytes, run_watched

MIB = 2**20
TAKES = "import sys; held = bytearray(int(sys.argv[1])); print('took it'); sys.exit(5)"
KEEPS = "import time; held = bytearray(2**27); time.sleep(60)"


def test_own_bytes_counts_allocated_memory():
    before = own_bytes(os.getpid())
    held = b"1" * (64 * MIB)
    assert 60 * MIB < own_bytes(os.getpid()) - before < 80 * MIB
    assert len(held) < available_bytes()


def test_nonexistent_process_has_no_memory():
    assert own_bytes(2**22 + 1) == 0


def test_process_within_the_memory_limit_runs_to_its_end():
    done = run_watched([sys.executable, "-c", TAKES, str(MIB)], 256 * MIB)
    assert (done.code, done.output, done.errors) == (5, "took it\n", "")
    assert not done.is_over_limit


def test_process_over_the_memory_limit_is_killed():
    done = run_watched([sys.executable, "-c", KEEPS], 64 * MIB)
    assert (done.code, done.is_over_limit) == (-9, True)
    assert done.peak_bytes > 64 * MIB
