"""Aborts a process that can't handle signals for a while if one of its peers disappears.

    python -m keraunos.core.watcher PARENT DESCRIPTOR NAME [DESCRIPTOR NAME ...]

The descriptors are those of sockets that have not received anything yet. If the peer closes
one, its name is written and the parent gets SIGABRT, for which it must have a handler.
"""

import os
import select
import signal
import socket
import sys
from collections.abc import Iterable

from .leash import end_with_parent


def wait_for_closed_peer(descriptors: Iterable[int]) -> int:
    """Waits until a peer closes its socket without having sent anything.

    Reads nothing from the sockets. A peer that has sent something before closing has passed
    the phase that is watched, and is ignored.
    """
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLRDHUP)
    while True:
        for descriptor, _ in poll.poll():
            if not _has_sent_data(descriptor):
                return descriptor
            poll.unregister(descriptor)


def _has_sent_data(descriptor: int) -> bool:
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        try:
            return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:
            return False


def main() -> None:
    """Waits for the first peer to disappear, and aborts the parent."""
    parent, *rest = sys.argv[1:]
    end_with_parent(int(parent))
    names = dict(zip(map(int, rest[::2]), rest[1::2], strict=True))
    name = names[wait_for_closed_peer(names)]
    print(f"error: {name} has ended while TensorFlow was being set up", file=sys.stderr)
    sys.stderr.flush()
    os.kill(int(parent), signal.SIGABRT)


if __name__ == "__main__":
    main()
