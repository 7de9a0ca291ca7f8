"""The secret with which the processes of a run authenticate each other.

It is read from the environment, never from the command line, which every user of a machine
can see.
"""

import ipaddress
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import platformdirs

from .errors import ConfigError, message

TOKEN_VARIABLE = "KERAUNOS_TOKEN"
MIN_CHARACTERS = 16
TOKEN_FILE = "token"
_REMEDY = (
    f"Set {TOKEN_VARIABLE} to the same secret for all of them, such as the output of "
    '`python3 -c "import secrets; print(secrets.token_hex(32))"`.'
)


def new_token() -> str:
    """Returns a secret of 256 random bits."""
    return secrets.token_hex(32)


def find_token(hosts: Iterable[str], environment: Mapping[str, str] | None = None) -> str:
    """Returns the secret that the processes of a run share.

    If all of them run on this machine and `KERAUNOS_TOKEN` is not set, this is the secret
    of the user: a file that nobody else can read, created when it is first needed.

    Args:
        hosts: Names or addresses of the machines of the run.
        environment: Environment variables; by default those of the process.

    Raises:
        ConfigError: There are other machines and `KERAUNOS_TOKEN` is not set, it is too
            short, or the user's file can't be used.

    Example:
        >>> find_token(["gpu01"], {"KERAUNOS_TOKEN": "0123456789abcdef"})
        '0123456789abcdef'
    """
    environment = os.environ if environment is None else environment
    token = environment.get(TOKEN_VARIABLE, "").strip()
    if token:
        return _require_length(token)
    others = sorted({host for host in hosts if not is_loopback(host)})
    if others:
        raise ConfigError(
            message(
                "Processes on several machines must share a secret, so that nobody else "
                f"can join them, and {TOKEN_VARIABLE} is not set.",
                _REMEDY,
                hosts=others,
            )
        )
    return _token_of_user(platformdirs.user_state_path("keraunos"))


def is_loopback(host: str) -> bool:
    """Returns whether only processes of the same machine can reach an address.

    Example:
        >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "[::1]", "gpu01")]
        [True, True, True, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # another name
        return False


def _require_length(token: str) -> str:
    if len(token) < MIN_CHARACTERS:
        raise ConfigError(
            message(
                f"${TOKEN_VARIABLE} must have at least {MIN_CHARACTERS} characters.",
                _REMEDY,
                characters=len(token),
            )
        )
    return token


def _token_of_user(folder: Path) -> str:
    path = folder / TOKEN_FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.path.lexists(path):
            _create_token_file(path)
        return _require_length(_read_private(path).strip())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            message(
                f"This user's secret can't be used ({reason}).", _REMEDY, file=str(path)
            )
        ) from None


def _create_token_file(path: Path) -> None:
    """Creates the file atomically, unless another process was faster."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(new_token())
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)


def _read_private(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise OSError("it is not a file of this user")
        if status.st_mode & 0o077:
            raise OSError("others can read or write it")
        return file.read(4096)
