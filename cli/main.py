"""The command `keraunos`."""

import sys
import traceback
from collections.abc import Sequence

import typer
from rich.console import Console

from ..core.errors import KeraunosError
from . import (
    audit,
    cache,
    compare,
    config_commands,
    doctor,
    fit,
    launch,
    predict,
    preview,
    search,
    test,
)

INTERRUPTED = 130

app = typer.Typer(
    name="keraunos",
    help="Train Keras 3 models on one or many GPUs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("fit")(fit.fit)
app.command("test")(test.test)
app.command("predict")(predict.predict)
app.command("audit")(audit.audit)
app.command("search")(search.search)
app.command("compare")(compare.compare)
app.command("launch")(launch.launch)
app.command("preview")(preview.preview)
app.command("recipes")(config_commands.list_recipes)
app.command("config")(config_commands.show_config)
app.command("cache")(cache.cache)
app.command("doctor")(doctor.doctor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: As typed after `keraunos`; those of the process by default.

    Returns:
        The exit code: 0, or that of the error (see docs/exit-codes.md).
    """
    code = _run(arguments)
    if code == INTERRUPTED:
        _say("interrupted")
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        # Typer hands on what the command returned, None, or the code of `typer.Exit`,
        # into which newer versions turn an interrupt.
        return app(arguments, standalone_mode=False) or 0
    except KeraunosError as error:
        _say(f"error: {error}")
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:
        return _handle_other(error)


def _handle_other(error: Exception) -> int:
    """Errors of how the command was typed are 2; all others are the user's code's."""
    show = getattr(error, "show", None)
    if show is not None:
        show()
        return 2
    traceback.print_exc()
    return 1


def _say(text: str) -> None:
    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    console.print(text, markup=False)
