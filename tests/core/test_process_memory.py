import os
import sys

from keraunos.core.process_memory import available_bytes, own_bytes, run_watched

MIB = 2**20
TAKES = "import sys; held = bytearray(int(sys.argv[1])); print('took it'); sys.exit(5)"
KEEPS = "import time; held = bytearray(2**27); time.sleep(60)"


def test_memory_of_a_process_is_what_it_has_taken():
    before = own_bytes(os.getpid())
    held = b"1" * (64 * MIB)
    assert 60 * MIB < own_bytes(os.getpid()) - before < 80 * MIB
    assert len(held) < available_bytes()


def test_a_process_that_is_gone_holds_nothing():
    assert own_bytes(2**22 + 1) == 0


def test_a_process_within_the_limit_ends_by_itself():
    done = run_watched([sys.executable, "-c", TAKES, str(MIB)], 256 * MIB)
    assert (done.code, done.output, done.errors) == (5, "took it\n", "")
    assert not done.is_over_limit


def test_a_process_over_the_limit_is_ended_and_nobody_else():
    done = run_watched([sys.executable, "-c", KEEPS], 64 * MIB)
    assert (done.code, done.is_over_limit) == (-9, True)
    assert done.peak_bytes > 64 * MIB
