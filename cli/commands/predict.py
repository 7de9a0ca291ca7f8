"""`keraunos predict`: classes and probabilities of images, however many."""

import signal
from pathlib import Path
from typing import Annotated, Literal

import typer

from ...core.errors import ConfigError, message
from ...core.run_layout import PREDICTIONS_FILE
from ..ensembles import require_images
from ..predictors import find_models
from ..streamed_predictions import Request, predict_images

STANDARD_OUTPUT = "-"
_JSON_LINES = (".jsonl", ".ndjson")


def predict(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL", help="A run directory, one of folds, or an export."
        ),
    ],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE...",
            help="Files, folders, record files, tables (.csv) with a row per image; - "
            "reads names from standard input.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(help="Where to write; - writes to standard output."),
    ] = Path(PREDICTIONS_FILE),
    format: Annotated[
        Literal["csv", "jsonl"] | None,
        typer.Option(help="By default jsonl where the output ends so, else csv."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue what was interrupted.")
    ] = False,
    watch: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Predict what appears there, until a signal."),
    ] = None,
    poll_seconds: Annotated[
        float, typer.Option(min=0.05, help="With --watch: how often it looks.")
    ] = 1.0,
    patience_seconds: Annotated[
        float,
        typer.Option(min=0, help="With --watch: how long it waits for an unreadable file."),
    ] = 30.0,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="NUL divides names in standard input.")
    ] = False,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="By default that of the run; of an export 32."),
    ] = None,
    bit_depth: Annotated[
        int | None,
        typer.Option(min=8, max=16, help="As data.bit_depth; by default that of the run."),
    ] = None,
    image_root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the images of a table; by default that of the table.",
        ),
    ] = None,
    ensemble: Annotated[
        list[Path],
        typer.Option(
            metavar="MODEL",
            help="A further model: probabilities are averaged. May be given several times.",
        ),
    ] = [],  # noqa: B006 (Typer reads it and never changes it)
) -> None:
    """Predict the classes of images: a row for each, in a table or as JSON lines.

    Of a directory of folds, or with --ensemble, by the mean of several models. A file that
    can't be read is a row with the reason, and the exit code is 3 at the end.
    """
    places = find_models([run, *ensemble])
    is_standard_output = str(output) == STANDARD_OUTPUT
    _require_source(images, watch)
    if resume and is_standard_output:
        raise ConfigError(
            message("Only what goes to a file can be resumed.", output=str(output))
        )
    require_images([Path(each) for each in images or [str(watch)]])
    by_ending = "jsonl" if output.suffix.lower() in _JSON_LINES else "csv"
    data = places[0].data
    request = Request(
        places,
        tuple(images or ()),
        watch,
        None if is_standard_output else output,
        format or by_ending,
        resume,
        batch_size or (data.batch_size if data else 32),
        bit_depth,
        data.find_images_by if data else "extension",
        b"\0" if null else b"\n",
        poll_seconds,
        patience_seconds,
        image_root,
    )
    received = predict_images(request)
    if received is not None and watch is None:
        raise typer.Exit(128 + signal.Signals(received))


def _require_source(images: list[str] | None, watch: Path | None) -> None:
    if bool(images) == (watch is not None):
        raise ConfigError(
            message(
                "Either images or --watch must be given.",
                images=images or [],
                watch=None if watch is None else str(watch),
            )
        )
