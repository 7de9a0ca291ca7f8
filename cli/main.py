"""The command `keraunos`."""

import errno
import io
import os
import select
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Annotated, Protocol, TextIO, runtime_checkable

import typer

from ..core.console import PlainConsole, silence
from ..core.console import show as show_line
from ..core.deprecations import current_options
from ..core.errors import ConfigError, KeraunosError, message, suggesting_arguments
from ..core.exit_codes import interruptions_returned
from .commands import (
    audit,
    backbones,
    benchmark,
    cache,
    compare,
    doctor,
    export,
    fit,
    init,
    launch,
    pack,
    predict,
    preview,
    probe,
    report,
    runs,
    search,
    serve,
    show,
    tensorboard,
    test,
)
from .commands import config as config_commands
from .examples import WIDEST, InPanels, WithExamples
from .setting_arguments import TakesSettings
from .typed_command import remember

INTERRUPTED = 130
INVALID_PATH = {errno.ENAMETOOLONG, errno.ELOOP}

app = typer.Typer(
    name="keraunos",
    cls=InPanels,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": WIDEST},
)


def _show_version(is_requested: bool) -> None:
    if is_requested:
        show_line(f"keraunos {metadata.version('keraunos')}")
        raise typer.Exit


@app.callback()
def _common_options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """Train Keras 3 models on one or many GPUs."""
    del version  # its callback has shown it


_COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "Train": {
        "init": init.init,
        "fit": fit.fit,
        "search": search.search,
        "launch": launch.launch,
        "recipes": config_commands.list_recipes,
        "config": config_commands.show_config,
        "backbones": backbones.backbones,
    },
    "Inspect": {
        "runs": runs.runs,
        "show": show.show,
        "tensorboard": tensorboard.tensorboard,
        "compare": compare.compare,
        "preview": preview.preview,
        "audit": audit.audit,
        "probe": probe.probe,
    },
    "Evaluate": {
        "test": test.test,
        "report": report.report,
        "predict": predict.predict,
    },
    "Deploy": {
        "export": export.export,
        "serve": serve.serve,
        "pack": pack.pack,
    },
    "Machine": {
        "doctor": doctor.doctor,
        "benchmark": benchmark.benchmark,
        "cache": cache.cache,
    },
}
_CLASSES: dict[str, type[WithExamples]] = {
    "config": config_commands.WithSettings,
    "tensorboard": tensorboard.WithRest,
    **dict.fromkeys(("fit", "search", "preview"), TakesSettings),
}

for _panel, _commands in _COMMANDS.items():
    for _name, _command in _commands.items():
        _class = _CLASSES.get(_name, WithExamples)
        app.command(
            _name,
            cls=_class,
            rich_help_panel=_panel,
            context_settings={"max_content_width": WIDEST},
        )(_command)
app.command(serve.WORKER_COMMAND, hidden=True)(serve.serve_worker)


@runtime_checkable
class _UsageError(Protocol):
    """Usage error of Typer: that of Click, or of Typer's own copy of Click."""

    def show(self, file: TextIO) -> None:
        """Writes the error and the usage of the command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: The arguments after `keraunos`; by default those of the process.

    Returns:
        The exit code: 0, or that of the error (see docs/exit-codes.md).
    """
    _prepare_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    remember(arguments)
    code = _run(arguments)
    if code == INTERRUPTED:
        _write_line("interrupted")
    return code


def _prepare_streams() -> None:
    """Makes the standard streams accept any text, and reopens closed ones."""
    for name, descriptor in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:  # otherwise the next opened file would get its descriptor
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, descriptor)
            setattr(sys, name, os.fdopen(descriptor, "r" if descriptor == 0 else "w"))
        elif isinstance(stream, io.TextIOWrapper) and descriptor:
            stream.reconfigure(errors="backslashreplace")


def _run(arguments: Sequence[str]) -> int:
    streams = sys.stdout, sys.stderr
    try:
        if any("\0" in argument for argument in arguments):
            raise ConfigError("An argument must not contain NUL.")
        # Typer returns the result of the command, None, or the code of `typer.Exit`;
        # newer versions turn an interrupt into the latter.
        known = current_options(arguments)
        with (
            suggesting_arguments(False),
            interruptions_returned(),
        ):  # a command says how to resume
            return app(known, standalone_mode=False, prog_name=app.info.name) or 0
    except KeraunosError as error:
        _write_line(f"error: {error}")
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit as error:
        # Typer turns any broken pipe into this, even one in the user's code.
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        sys.stdout, sys.stderr = streams
        return _handle_broken_pipe(error.__context__)
    except Exception as error:
        return _handle_other(error)


def _handle_broken_pipe(error: BrokenPipeError) -> int:
    """Returns 0 if the reader of standard output closed the pipe; others are errors."""
    poll = select.poll()
    poll.register(1, 0)
    if not poll.poll(0):
        return _handle_other(error)
    silence(sys.stdout)
    return 0


def _handle_other(error: Exception) -> int:
    """Writes an error; returns 2 for usage errors, 1 for errors of the user's code."""
    if isinstance(error, _UsageError):
        words = io.StringIO()
        error.show(words)
        _write_line(words.getvalue().rstrip())
        return 2
    if isinstance(error, OSError) and error.errno in INVALID_PATH:
        _write_line(f"error: {message(f'{error.strerror}.', path=error.filename)}")
        return ConfigError.exit_code
    _write_line("".join(traceback.format_exception(error)).rstrip())
    return 1


def _write_line(text: str) -> None:
    PlainConsole(file=sys.stderr).notify(text)
