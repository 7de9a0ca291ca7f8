"""The command `python predict.py IMAGE_OR_TABLE...`, which prints a JSON line per image."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .fields import ModelFileError
from .from_bytes import predict_from_bytes
from .model import Model, Row
from .rows import ImageRow, needs_cells
from .runtimes import MissingRuntimeError
from .tables import is_table, read_table

UNUSABLE = 2  # exit status if the model can't be opened
UNREADABLE = 3  # exit status if a file can't be read
_HELP = (
    "Predicts the classes of images. Prints a JSON line for each with its class, its "
    "probabilities and the decisions by thresholds. A model that takes table columns "
    "needs a table, a CSV file with an image in each row. For a file that can't be used, "
    "prints a line with an error; the exit status is then 3."
)


def main(directory: Path, arguments: Sequence[str]) -> int:
    """Prints a line per file.

    Returns:
        The exit status: 0, 2 if the model can't be opened, 3 if a file can't be read.
    """
    options = _parser().parse_args(arguments)
    status = 0
    try:
        for row in _predict(directory, options):
            status = UNREADABLE if "error" in row else status
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()
    except (ModelFileError, MissingRuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    return status


def _predict(directory: Path, options: argparse.Namespace) -> Iterator[Row]:
    rows = _rows(options)
    if options.from_bytes:
        return predict_from_bytes(directory, rows, options.batch_size)
    model = Model.open(directory)
    if model.columns is not None and not all(map(is_table, options.images)):
        raise needs_cells(model.columns)
    return model.predict_rows(rows, options.batch_size)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("predict.py", description=_HELP)
    images = "files; - reads their names from standard input, one per line; or CSV tables"
    parser.add_argument("images", nargs="+", metavar="IMAGE_OR_TABLE", help=images)
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
        elif name == "-":
            yield from ((line.rstrip("\n"), {}) for line in sys.stdin if line.rstrip("\n"))
        else:
            yield name, {}


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("must be a whole number, at least 1")
    return int(text)
