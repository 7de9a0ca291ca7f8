import signal
import socket
import subprocess
import sys

from helpers import SECONDS_AT_MOST
from keraunos.core.watcher import wait_for_closed_peer


def test_first_connection_closed_without_a_message_is_found() -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    ours, theirs = zip(*pairs, strict=True)
    theirs[0].sendall(b"done")
    theirs[0].close()
    theirs[2].close()
    assert wait_for_closed_peer(each.fileno() for each in ours) == ours[2].fileno()
    assert ours[0].recv(9) == b"done"
    for each in (*ours, theirs[1]):
        each.close()


PARENT = """
import os, signal, socket, subprocess, sys
ours, theirs = socket.socketpair()
command = [sys.executable, "-m", "keraunos.core.watcher"]
names = [str(os.getpid()), str(ours.fileno()), "worker 1"]
subprocess.Popen([*command, *names], pass_fds=[ours.fileno()])
theirs.close()
signal.pause()
"""


def test_watcher_aborts_the_parent_and_names_the_lost_process() -> None:
    program = [sys.executable, "-c", PARENT]
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=SECONDS_AT_MOST, check=False
    )
    assert done.returncode == -signal.SIGABRT
    assert "error: worker 1 has ended while" in done.stderr
