"""Predicts images for the command line, from opening the models to reporting failures."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..configs import is_table
from ..configs.choices import FindImagesBy
from ..core.counted import counted
from ..core.errors import ConfigError, DataError, message
from ..core.files import sha256_of_file
from ..core.names import printable
from ..core.signals import stop_signals
from ..core.user_path import user_path
from .console import notify
from .output_file import require_writable, writing
from .predictors import ModelPlace, columns_of, open_predictor
from .shown_predictions import ShownPredictions
from .typed_command import typed_again

if TYPE_CHECKING:
    from ..data.streams.image_names import ImageNames
    from ..data.streams.image_table import ImageTable
    from ..data.streams.watched_folder import WatchedFolder
    from ..prediction.meter import Meter
    from ..prediction.output import Output
    from ..prediction.predictor import Predicted, Predictor
    from ..prediction.rows import Rows


@dataclass(frozen=True)
class Request:
    """A request for predictions.

    Attributes:
        places: The locations of the models.
        images: Files, folders and tables as the user typed them.
        watch: A folder to watch instead.
        output: The file to write; None for standard output.
        format: `csv` or `jsonl`.
        resume: Whether to continue an unfinished file.
        batch_size: Images per batch.
        bit_depth: Like `data.bit_depth`; None for that of each model.
        find_images_by: How to recognize image files in folders.
        separator: The separator of names in standard input.
        poll_seconds: Seconds between scans of the watched folder.
        patience_seconds: Seconds to wait for an unreadable file in it.
        image_root: Folder of the images of tables; None for that of each table.
    """

    places: Sequence[ModelPlace]
    images: tuple[str, ...]
    watch: Path | None
    output: Path | None
    format: str
    resume: bool
    batch_size: int
    bit_depth: int | None
    find_images_by: FindImagesBy
    separator: bytes
    poll_seconds: float
    patience_seconds: float
    image_root: Path | None = None


def predict_images(request: Request) -> signal.Signals | None:
    """Predicts the requested images.

    Returns:
        The signal that ended it early, or None.

    Raises:
        ConfigError: A model is missing, or the output can't be written or resumed.
        DataError: There are no images, or some could not be predicted.
    """
    names = _find_images(request)
    predictor, sha256 = open_predictor(request.places, request.bit_depth)
    _check_table_cells(names, predictor)
    rows = _rows(request.format, predictor)
    shown = ShownPredictions(predictor.document)
    tables = {name: sha256_of_file(each.path) for name, each in names.tables.items()}
    with stop_signals() as stop, _output(request, rows, sha256, tables) as output:

        def is_stopped() -> bool:
            return stop.received is not None

        names = replace(names, is_stopped=is_stopped)
        _run(request, names, predictor, rows, output, shown)
        if request.watch is not None or not is_stopped():
            output.finish()
    _report(request, output, shown, is_stopped())
    return stop.received


def _find_images(request: Request) -> "ImageNames":
    """Finds the images; checks that there are any, and that the output can be written."""
    from ..data.index.folders import require_folder
    from ..data.streams.image_names import ImageNames

    if request.output is not None:
        require_writable(request.output)
    if request.watch is not None:
        require_folder(request.watch, "--watch")
    names = ImageNames(
        request.images,
        request.find_images_by,
        request.separator,
        tables=_read_tables(request),
    )
    names.require()
    return names


def _read_tables(request: Request) -> "dict[str, ImageTable]":
    """Reads the tables among the inputs, with the columns that the models take.

    Raises:
        ConfigError: The models take columns, but images were given without a table.
        DataError: A table can't be used.
    """
    from ..data.streams.image_table import read_image_table

    columns = columns_of(request.places)
    tables = [each for each in request.images if is_table(each)]
    others = [each for each in request.images if not is_table(each)]
    others += [] if request.watch is None else [str(request.watch)]
    if columns and others:
        raise ConfigError(
            message(
                "The model also takes columns of a table for each image: "
                f"{', '.join(columns)}.",
                "Name a table with these columns instead of images: keraunos predict RUN "
                "TABLE.csv",
                images=others,
            )
        )
    settings = [place.data for place in request.places if place.data is not None]
    image_column = settings[0].image_column if settings else "image"
    return {
        each: read_image_table(user_path(each), request.image_root, image_column, columns)
        for each in tables
    }


def _check_table_cells(names: "ImageNames", predictor: "Predictor") -> None:
    """Checks the cells of tables against the models, and reports unknown values.

    Raises:
        DataError: A cell contains text, but the model expects a number.
    """
    lines = [
        line
        for table in names.tables.values()
        for features in predictor.features
        if features is not None
        for line in table.require(features)
    ]
    for line in dict.fromkeys(lines):
        notify(line)


def _run(
    request: Request,
    names: "ImageNames",
    predictor: "Predictor",
    rows: "Rows",
    output: "Output",
    shown: ShownPredictions,
) -> None:
    from ..prediction.pipeline import Pipeline

    with _meter(request, names, output.progress.rows) as meter:

        def see(predicted: "Predicted") -> None:
            shown.add(predicted)
            meter.add(len(predicted.images))

        pipeline = Pipeline(
            predictor, rows, output, request.batch_size, see, names.is_stopped
        )
        if request.watch is not None:
            notify(f"watching {printable(str(request.watch))}; Ctrl-C ends the command")
            pipeline.watch(_watch_folder(request, rows, output), request.poll_seconds)
        else:
            images = names.after(output.progress.last)
            pipeline.stream(images, is_long=names.is_listed_elsewhere)


def _meter(request: Request, names: "ImageNames", done: int) -> "Meter":
    from ..prediction.meter import Counter, Meter

    is_known = request.watch is None and not names.is_listed_elsewhere
    return Meter(done, Counter(names.count()) if is_known else None)


def _watch_folder(request: Request, rows: "Rows", output: "Output") -> "WatchedFolder":
    """Returns the watched folder without the images that the output already contains."""
    from ..data.streams.known_names import KnownNames
    from ..data.streams.watched_folder import WatchedFolder

    known = KnownNames()
    if request.output is not None and output.progress.rows:
        for name in rows.names_in(Path(os.path.realpath(request.output))):
            known.add(name)
    return WatchedFolder(
        str(request.watch), request.find_images_by, request.patience_seconds, known
    )


def _rows(format: str, predictor: "Predictor") -> "Rows":
    from ..prediction.rows import CsvRows, JsonRows

    kinds: dict[str, Callable[[Predictor], Rows]] = {"csv": CsvRows, "jsonl": JsonRows}
    return kinds[format](predictor)


@contextlib.contextmanager
def _output(
    request: Request, rows: "Rows", sha256: str, tables: Mapping[str, str]
) -> Iterator["Output"]:
    from ..prediction.output import ResumableFile, StandardOutput

    if request.output is None:
        yield StandardOutput(rows.head)
        return
    made_of: dict[str, Any] = {
        "model": sha256,
        "format": request.format,
        "columns": rows.columns,
        "images": request.images or [str(request.watch)],
        "bit_depth": request.bit_depth,
    }
    made_of |= {"tables": tables} if tables else {}
    with writing(request.output) as place:
        grows = request.watch is not None
        with ResumableFile(place, rows.head, made_of, request.resume, grows) as output:
            if output.progress.rows:
                notify(f"resumed after {counted(output.progress.rows, 'image')}")
            yield output


def _report(
    request: Request, output: "Output", shown: ShownPredictions, is_stopped: bool
) -> None:
    progress = output.progress
    if request.output is not None and request.watch is None and not is_stopped:
        shown.show(progress.rows)
    if is_stopped and request.watch is None:
        notify(f"interrupted after {counted(progress.rows, 'image')}")
        if request.output is not None:
            notify(f"Resume with:\n  {typed_again('--resume')}")
        return
    if request.output is not None:
        notify(f"written: {request.output}")
    if progress.unreadable:
        raise DataError(
            message(
                "Every image must be usable. The rows of the others contain the reason "
                "instead of a prediction.",
                without_prediction=progress.unreadable,
                images=progress.rows,
            )
        )
