import socket

from keraunos.core.watcher import first_gone


def test_the_first_that_goes_without_a_word_is_found_and_no_word_is_taken_away() -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    ours, theirs = zip(*pairs, strict=True)
    theirs[0].sendall(b"done")
    theirs[0].close()
    theirs[2].close()
    assert first_gone(each.fileno() for each in ours) == ours[2].fileno()
    assert ours[0].recv(9) == b"done"
    for each in (*ours, theirs[1]):
        each.close()
