"""`keraunos predict`: predict any number of images."""

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
_OUTPUT_PANEL, _WATCH_PANEL = "Output", "Watching a folder"
_JSON_LINES = (".jsonl", ".ndjson")


def predict(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL", help="Directory of a run, of its folds, or of an export."
        ),
    ],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE...",
            help="Files, folders, record files, or tables (.csv) with one row per image; - "
            "reads file names from standard input.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            help="File to write to; - is standard output.", rich_help_panel=_OUTPUT_PANEL
        ),
    ] = Path(PREDICTIONS_FILE),
    format: Annotated[
        Literal["csv", "jsonl"] | None,
        typer.Option(
            help="By default according to the extension of the output, otherwise csv.",
            rich_help_panel=_OUTPUT_PANEL,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue an interrupted output file.",
            rich_help_panel=_OUTPUT_PANEL,
        ),
    ] = False,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Predict images as they appear in DIR, until a signal.",
            rich_help_panel=_WATCH_PANEL,
        ),
    ] = None,
    poll_seconds: Annotated[
        float,
        typer.Option(
            min=0.05, help="Seconds between scans of DIR.", rich_help_panel=_WATCH_PANEL
        ),
    ] = 1.0,
    patience_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            help="How long to wait for an unreadable file.",
            rich_help_panel=_WATCH_PANEL,
        ),
    ] = 30.0,
    null: Annotated[
        bool,
        typer.Option(
            "--null", "-0", help="File names in standard input are separated by NUL."
        ),
    ] = False,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="By default that of the run; 32 for an export."),
    ] = None,
    bit_depth: Annotated[
        int | None,
        typer.Option(
            min=8, max=16, help="Like data.bit_depth; by default that of the run."
        ),
    ] = None,
    image_root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the images of a table; by default the folder of the table.",
        ),
    ] = None,
    ensemble: Annotated[
        list[Path],
        typer.Option(
            metavar="MODEL",
            help="Another model to average probabilities with; repeatable.",
        ),
    ] = [],  # noqa: B006 (Typer reads it and never changes it)
) -> None:
    """Predict images: one row per image, as CSV or JSON lines.

    With a directory of folds, or with --ensemble, predicts the mean of several models. An
    unreadable file gets a row with the reason, and the final exit code is 3.
    """
    places = find_models([run, *ensemble])
    is_standard_output = str(output) == STANDARD_OUTPUT
    _require_source(images, watch)
    if resume and is_standard_output:
        raise ConfigError(
            message("Only output to a file can be resumed.", output=str(output))
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
