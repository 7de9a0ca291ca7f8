"""The command `keraunos` for shell scripts, forked with TensorFlow already loaded."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from keraunos.cli.run_directories import run_name
from programs import Program, is_running, type_keraunos, wait_for
from small_backbone import shrink_networks

# It passes its arguments, folder, variables and streams to the test, and waits.
_COMMAND = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    typed = [os.getpid(), sys.argv[1:], os.getcwd(), dict(os.environ)]
    server.sendall(json.dumps(typed).encode() + b"\\n")
    sys.exit(int(server.makefile().readline() or 1))
"""
# Commands that run until they are stopped, and what they print once they work.
_ENDLESS = {"serve": ", version ", "tensorboard": "http://", "--watch": "watching"}
_BEFORE_SETTINGS = {"fit", "search", "preview", "probe", "--batch-size"}


@contextlib.contextmanager
def keraunos_on_path(folder: Path, settings: Path, port: int) -> Iterator[str]:
    """Offers the command as long as the context lasts; yields a value for PATH.

    Args:
        folder: A new one, for the command.
        settings: A configuration that is inserted after the recipe of each command,
            so that the settings after it still take effect.
        port: Where `keraunos serve` listens.
    """
    folder.mkdir()
    address = folder / "socket"
    command = folder / "keraunos"
    command.write_text(_COMMAND.format(python=sys.executable, address=str(address)))
    command.chmod(0o755)
    endless: list[Program] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
        server.listen()
        answering = threading.Thread(
            target=_answer, args=(server, settings, port, endless), daemon=True
        )
        answering.start()
        try:
            yield f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            answering.join()
            _stop(endless)


def _answer(
    server: socket.socket, settings: Path, port: int, endless: list[Program]
) -> None:
    """Runs one command after the other."""
    while True:
        try:
            asker, _ = server.accept()
        except OSError:  # it was shut down
            return
        with asker:
            pid, words, cwd, environment = json.loads(asker.makefile().readline())
            typed = (with_settings(words, settings, port), cwd, environment)
            code = _run(pid, typed, endless)
            asker.sendall(f"{code}\n".encode())


def _run(
    pid: int, typed: tuple[list[str], str, dict[str, str]], endless: list[Program]
) -> int:
    streams = Path(f"/proc/{pid}/fd")
    sign = next((text for word, text in _ENDLESS.items() if word in typed[0]), None)
    if sign is None:
        program = Program(
            _type, str(streams / "0"), *typed, output=streams / "1", errors=streams / "2"
        )
        return _end(program)
    _stop(endless)  # as a reader does who needs the port or the terminal again
    output = Path(typed[1]) / f"{pid}.log"
    program = Program(_type, os.devnull, *typed, output=output)
    endless.append(program)
    with contextlib.suppress(AssertionError):
        wait_for(lambda: sign in program.output or not is_running(program.pid))
    if sign in program.output and is_running(program.pid):
        return 0
    (streams / "2").write_text(program.output)
    return 1


def _stop(endless: list[Program]) -> None:
    """Stops and forgets all of them."""
    while endless:
        program = endless.pop()
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            program.send(signal.SIGTERM)
        program.end()


def _end(program: Program) -> int:
    """Its exit code, or that of `timeout`: the shell must get an answer."""
    try:
        return program.end()
    except AssertionError:
        return 124


def _type(stdin: str, words: list[str], cwd: str, environment: dict[str, str]) -> int:
    os.dup2(os.open(stdin, os.O_RDONLY), 0)
    # The former streams assume that they can seek, which pipes can't.
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, closefd=False)  # noqa: SIM115
        for number, mode in enumerate("rww")
    )
    shrink_networks()
    return type_keraunos(words, cwd, None, environment)


def with_settings(words: Sequence[str], settings: Path, port: int) -> list[str]:
    """The words of a command that ends soon, in place of a long one that is shown.

    The file of settings gets the name of the recipe before it: a run is called after the
    last file, and must be called as the documents say.
    """
    words = [*words, "--port", str(port)] if words[0] == "serve" else [*words]
    start = next((n for n, word in enumerate(words) if word in _BEFORE_SETTINGS), None)
    if start is None or "--resume" in words:
        return words
    end = start + 1
    while end < len(words) and not re.search("=|^-", words[end]):
        end += 1
    named = settings.parent / "named_settings" / f"{run_name(words[end - 1])}.yaml"
    named.parent.mkdir(exist_ok=True)
    shutil.copy(settings, named)
    return [*words[:end], str(named), *words[end:]]
