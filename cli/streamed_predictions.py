"""Predicts images for the command line: opens, streams, shows, and reports what was odd."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..configs.choices import FindImagesBy
from ..core.errors import DataError, message
from ..core.signals import stop_signals
from .console import notify
from .output_file import require_writable, writing
from .predictors import ModelPlace, open_predictor
from .shown_predictions import ShownPredictions

if TYPE_CHECKING:
    from ..data.streams.image_names import ImageNames
    from ..data.streams.watched_folder import WatchedFolder
    from ..prediction.meter import Meter
    from ..prediction.output import Output
    from ..prediction.predictor import Predicted, Predictor
    from ..prediction.rows import Rows


@dataclass(frozen=True)
class Request:
    """What is to be predicted, and how.

    Attributes:
        places: Where the models are.
        images: What the user typed.
        watch: A folder to be watched instead.
        output: The file to write; None for standard output.
        format: `csv` or `jsonl`.
        resume: Whether to continue an unfinished file.
        batch_size: Images that go through the model at a time.
        bit_depth: As `data.bit_depth`.
        find_images_by: Which files in folders are images.
        separator: What divides names in standard input.
        poll_seconds: How often a watched folder is looked at.
        patience_seconds: How long an unreadable file in it is waited for.
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


def predict_images(request: Request) -> signal.Signals | None:
    """Predicts what is asked for.

    Returns:
        The signal that ended it early, or None.

    Raises:
        ConfigError: There is no model, or the output can't be written or resumed.
        DataError: There is no image; or, at the end, some have no prediction.
    """
    names = _find_images(request)
    predictor, sha256 = open_predictor(request.places, request.bit_depth)
    rows = _rows(request.format, predictor)
    shown = ShownPredictions(predictor.document)
    with stop_signals() as stop, _output(request, rows, sha256) as output:

        def is_stopped() -> bool:
            return stop.received is not None

        names = replace(names, is_stopped=is_stopped)
        _run(request, names, predictor, rows, output, shown)
        if request.watch is not None or not is_stopped():
            output.finish()
    _report(request, output, shown, is_stopped())
    return stop.received


def _find_images(request: Request) -> "ImageNames":
    """Makes sure that there are images, and that the output can be written."""
    from ..data.index.folders import require_folder
    from ..data.streams.image_names import ImageNames

    if request.output is not None:
        require_writable(request.output)
    if request.watch is not None:
        require_folder(request.watch, "--watch")
    names = ImageNames(request.images, request.find_images_by, request.separator)
    names.require()
    return names


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
            pipeline.watch(_watched(request, rows, output), request.poll_seconds)
        else:
            images = names.after(output.progress.last)
            pipeline.stream(images, is_long=names.is_listed_elsewhere)


def _meter(request: Request, names: "ImageNames", done: int) -> "Meter":
    from ..prediction.meter import Counter, Meter

    is_known = request.watch is None and not names.is_listed_elsewhere
    return Meter(done, Counter(names.count()) if is_known else None)


def _watched(request: Request, rows: "Rows", output: "Output") -> "WatchedFolder":
    """The folder, of which the images that the output has are done."""
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
    from ..prediction.rows import JsonRows, csv_rows

    kinds: dict[str, Callable[[Predictor], Rows]] = {"csv": csv_rows, "jsonl": JsonRows}
    return kinds[format](predictor)


@contextlib.contextmanager
def _output(request: Request, rows: "Rows", sha256: str) -> Iterator["Output"]:
    from ..prediction.output import ResumableFile, StandardOutput

    if request.output is None:
        yield StandardOutput(rows.head)
        return
    made_of = {
        "model": sha256,
        "format": request.format,
        "columns": rows.columns,
        "images": request.images or [str(request.watch)],
        "bit_depth": request.bit_depth,
    }
    with writing(request.output) as place:
        grows = request.watch is not None
        with ResumableFile(place, rows.head, made_of, request.resume, grows) as output:
            if output.progress.rows:
                notify(f"resumed after {output.progress.rows:,} images")
            yield output


def _report(
    request: Request, output: "Output", shown: ShownPredictions, is_stopped: bool
) -> None:
    progress = output.progress
    if request.output is not None and request.watch is None and not is_stopped:
        shown.show(progress.rows)
    if is_stopped and request.watch is None:
        how = "" if request.output is None else ": continue with --resume"
        notify(f"interrupted after {progress.rows:,} images{how}")
        return
    if request.output is not None:
        notify(f"written: {request.output}")
    if progress.unreadable:
        raise DataError(
            message(
                "Every image must be one that can be used; the rows of the others have "
                "the reason in place of a prediction.",
                without_prediction=progress.unreadable,
                images=progress.rows,
            )
        )
