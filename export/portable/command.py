"""The command `python predict.py IMAGE...`, which writes JSON lines or a CSV table."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .fields import ModelFileError
from .from_bytes import predict_from_bytes
from .image_files import images_below
from .model import Model, Row
from .outputs import Write, csv_file, write_line
from .prediction_table import PredictionTable
from .rows import ImageRow, needs_cells
from .runtimes import MissingRuntimeError
from .tables import is_table, read_table

UNUSABLE = 2  # exit status if the model can't be opened
UNREADABLE = 3  # exit status if a file can't be read
_HELP = (
    "Predicts the classes of images. Prints a JSON line for each with its class, its "
    "probabilities and the decisions by thresholds; or, with --output, writes the CSV "
    "table of `keraunos predict`. A model that takes table columns needs a table, a CSV "
    "file with an image in each row. For a file that can't be used, writes a line or row "
    "with an error; the exit status is then 3."
)


def main(directory: Path, arguments: Sequence[str]) -> int:
    """Writes a line or a row per file.

    Returns:
        The exit status: 0, 2 if the model can't be opened, 3 if a file can't be read.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.output is not None and options.from_bytes:
        parser.error("--from-bytes writes JSON lines: leave out --output")
    status = 0
    try:
        with contextlib.ExitStack() as stack:
            rows, write = _predict(directory, options, stack)
            for row in rows:
                status = UNREADABLE if "error" in row else status
                write(row)
    except (ModelFileError, MissingRuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    return status


def _predict(
    directory: Path, options: argparse.Namespace, stack: contextlib.ExitStack
) -> tuple[Iterator[Row], Write]:
    """Returns rows, and the function that writes them."""
    rows = _rows(options)
    if options.from_bytes:
        return predict_from_bytes(directory, rows, options.batch_size), write_line
    model = Model.open(directory)
    if model.columns is not None and not all(map(is_table, options.images)):
        raise needs_cells(model.columns)
    if options.output is None:
        return model.predict_rows(rows, options.batch_size), write_line
    table = PredictionTable(model.description)
    write = stack.enter_context(csv_file(options.output, table.columns))
    return model.predict_rows(rows, options.batch_size, table.describe), write


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("predict.py", description=_HELP)
    images = (
        "files; folders, whose images are found at any depth; - reads names of files from "
        "standard input, one per line; or CSV tables"
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE_FOLDER_OR_TABLE", help=images)
    output = "CSV table to write; without it, JSON lines go to standard output"
    parser.add_argument("--output", type=Path, metavar="CSV", help=output)
    batch = "batch size; default 32"
    itself = "let a SavedModel decode the images itself, as in TensorFlow Serving"
    parser.add_argument("--from-bytes", action="store_true", help=itself)
    parser.add_argument("--batch-size", type=_count, default=32, metavar="N", help=batch)
    root = "folder of the images in a table; by default that of the table"
    parser.add_argument("--image-root", type=Path, metavar="DIR", help=root)
    column = "column of a table with the image; default image"
    parser.add_argument("--image-column", default="image", metavar="NAME", help=column)
    return parser


def _rows(options: argparse.Namespace) -> Iterator[ImageRow]:
    """Yields files with their table cells."""
    for name in options.images:
        if is_table(name):
            yield from read_table(Path(name), options.image_root, options.image_column)
        elif os.path.isdir(name):
            yield from ((file, {}) for file in images_below(name))
        elif name == "-":
            yield from ((line.rstrip("\n"), {}) for line in sys.stdin if line.rstrip("\n"))
        else:
            yield name, {}


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("must be a whole number, at least 1")
    return int(text)
