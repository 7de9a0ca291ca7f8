"""Formats commands for a shell, ready to be copied."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from ..core.redaction import redacted_command

PROGRAM = "keraunos"
LAUNCH_VARIABLE = "KERAUNOS_LAUNCH_COMMAND"
_arguments: list[str] = []


def typed(command: str, place: Path | str, *rest: str) -> str:
    """Formats a command on a directory or a file, with shell quoting.

    Example:
        >>> typed("show", Path("my runs/a"))
        "keraunos show 'my runs/a'"
    """
    name = f"./{place}" if str(place).startswith("-") else str(place)
    return shlex.join([PROGRAM, *command.split(), name, *rest])


def launching() -> str:
    """Formats the command that launched this process's group, up to its `--`.

    Example:
        >>> remember(["launch", "--workers", "2", "--", "fit", "mine.yaml"])
        >>> launching()
        'keraunos launch --workers 2 --'
    """
    end = _arguments.index("--") + 1 if "--" in _arguments else 0
    return shlex.join([PROGRAM, *_arguments[:end]]) if end else ""


def as_launched(command: str) -> str:
    """Puts a command of a worker behind the one that launched it, if any did.

    Example:
        >>> os.environ[LAUNCH_VARIABLE] = "keraunos launch --workers 2 --"
        >>> as_launched("keraunos fit --resume runs/a")
        'keraunos launch --workers 2 -- fit --resume runs/a'
        >>> del os.environ[LAUNCH_VARIABLE]
        >>> as_launched("keraunos fit --resume runs/a")
        'keraunos fit --resume runs/a'
    """
    launch = os.environ.get(LAUNCH_VARIABLE)
    return f"{launch} {command.removeprefix(f'{PROGRAM} ')}" if launch else command


def remember(arguments: Sequence[str]) -> None:
    """Stores the arguments of this process for `typed_again`."""
    _arguments[:] = arguments


def typed_again(*more: str) -> str:
    """Formats the command of this process with further arguments, and without secrets.

    Args:
        *more: Further arguments; a setting among them replaces the one that was typed.

    Example:
        >>> remember(["fit", "mine.yaml", "run_dir=runs/a"])
        >>> typed_again("run_dir=my runs/a")
        "keraunos fit mine.yaml 'run_dir=my runs/a'"
    """
    replaced = tuple(each[: each.find("=") + 1] or each for each in more)
    kept = [each for each in _arguments if not each.startswith(replaced)]
    return shlex.join([PROGRAM, *redacted_command(kept), *more])
