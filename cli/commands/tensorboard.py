"""`keraunos tensorboard`: show the learning curves of runs in a browser."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from ...core import leash
from ...core.errors import ConfigError, message
from ...core.run_layout import EVENTS_PART, SCORES_PART
from ..console import notify
from ..examples import WithExamples
from ..run_directories import RUNS

HOST = "127.0.0.1"
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OWN_HOST = ("--host", "--bind_all")
_REST = "keraunos.rest"
MOST_SELECTED = 40  # runs; of more, TensorBoard selects none
# The first page to look at, without smoothing, which would blur flags.
_PAGE = "#custom_scalars&_smoothingWeight=0"


class WithRest(WithExamples):
    """A command that accepts arbitrary arguments after `--`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Stores the arguments after `--` unparsed, for the command to read."""
        place = args.index("--") if "--" in args else len(args)
        ctx.meta[_REST] = args[place + 1 :]
        return super().parse_args(ctx, args[:place])


def tensorboard(
    context: typer.Context,
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN... [-- OPTION...]",
            help="Run directories, searches or folders of runs; `runs` by default. Options "
            "after -- are passed to TensorBoard, such as --port 6007.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start TensorBoard on the curves of runs, for this machine only."""
    places = runs or [RUNS]
    rest = context.meta.get(_REST, [])
    command = tensorboard_command(places, rest)
    for line in _guidance(places):
        notify(line)
    raise typer.Exit(run_forwarding(command))


def _guidance(places: Sequence[Path]) -> Iterator[str]:
    """Yields lines on where to look first."""
    names = ", ".join(map(str, places))
    listed = _board_runs(places)
    page = _PAGE
    if len(listed) > MOST_SELECTED:
        has_scores = any(run.name == SCORES_PART for run in listed)
        page += f"&regexInput={SCORES_PART if has_scores else EVENTS_PART}"
        yield (
            f"TensorBoard selects none of {len(listed)} runs by itself, unless a regular "
            f"expression leaves at most {MOST_SELECTED}."
        )
    yield f"TensorBoard shows {names}: append {page} to its address. Ctrl-C stops it."


def _board_runs(places: Sequence[Path]) -> set[Path]:
    """Returns the folders with event files, each of which TensorBoard lists as a run."""
    files = (file for place in places for file in place.rglob("*.tfevents.*"))
    return {file.parent.resolve() for file in files}


def tensorboard_command(places: Sequence[Path], rest: Sequence[str] = ()) -> list[str]:
    """Returns the command that starts the TensorBoard of this environment.

    Args:
        places: One or more folders with event files in or below them.
        rest: Further options of TensorBoard.

    Raises:
        ConfigError: A folder is missing, or TensorBoard does not accept its name.

    Example:
        >>> tensorboard_command([Path("/")], ["--port", "6007"])[4:]
        ['--logdir', '/', '--host', '127.0.0.1', '--port', '6007']
    """
    missing = [str(place) for place in places if not place.is_dir()]
    if missing:
        raise ConfigError(
            message("RUN must be a folder.", "See `keraunos runs`.", runs=missing)
        )
    is_hosted = any(each.split("=")[0] in _OWN_HOST for each in rest)
    host = [] if is_hosted else ["--host", HOST]
    # -P: no file in the working directory shadows a module.
    program = [sys.executable, "-P", "-m", "tensorboard.main"]
    return [*program, *_logdir(places), *host, *rest]


def run_forwarding(command: Sequence[str]) -> int:
    """Runs a command in its own session, and forwards signals to it.

    The command does not outlive this process.

    Returns:
        Its exit code; 128 plus the signal number if a signal ended it.
    """
    leashed = [sys.executable, "-P", "-m", leash.__name__, str(os.getpid()), *command]
    process = subprocess.Popen(leashed, start_new_session=True)
    with _forwarding(process):
        code = process.wait()
    return 128 - code if code < 0 else code


def _logdir(places: Sequence[Path]) -> list[str]:
    paths = [os.path.realpath(place) for place in places]
    if len(paths) == 1:
        return ["--logdir", paths[0]]
    wrong = [path for path in paths if "," in path or ":" in path]
    if wrong:
        raise ConfigError(
            message(
                "TensorBoard separates several folders by commas and colons; their names "
                "must not contain any.",
                "Name their common parent folder instead.",
                runs=wrong,
            )
        )
    names = _distinct(paths)
    pairs = zip(names, paths, strict=True)
    return ["--logdir_spec", ",".join(f"{name}:{path}" for name, path in pairs)]


def _distinct(paths: Sequence[str]) -> list[str]:
    """Returns the last component of each path, or whole paths if two share it."""
    short = [os.path.basename(path) or path for path in paths]
    is_distinct = len(set(short)) == len(short)
    return short if is_distinct else [path.strip("/") for path in paths]


@contextlib.contextmanager
def _forwarding(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    def forward(number: int, frame: FrameType | None) -> None:
        del frame
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
