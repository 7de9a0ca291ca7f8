"""`python predict.py IMAGE...`: a JSON line for each image."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .fields import ModelFileError
from .from_bytes import predict_from_bytes
from .model import Model, Row
from .runtimes import MissingRuntimeError

UNUSABLE = 2  # the exit status where the model can't be opened
UNREADABLE = 3  # where some file can't be read
_HELP = (
    "Predicts the classes of images: for each a JSON line with its class, its "
    "probabilities and what was decided by thresholds. A file that can't be read is a line "
    "with an error, and the exit status is 3 at the end."
)


def main(directory: Path, arguments: Sequence[str]) -> int:
    """Prints a line for each file.

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
    names = _names(options.images)
    if options.from_bytes:
        return predict_from_bytes(directory, names, options.batch_size)
    return Model.open(directory).predict(names, options.batch_size)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("predict.py", description=_HELP)
    images = "files; - reads their names from standard input, one a line"
    parser.add_argument("images", nargs="+", metavar="IMAGE", help=images)
    batch = "images that go through the model at a time; default 32"
    itself = "let a SavedModel decode the images itself, as TensorFlow Serving does"
    parser.add_argument("--from-bytes", action="store_true", help=itself)
    parser.add_argument("--batch-size", type=_count, default=32, metavar="N", help=batch)
    return parser


def _names(given: Sequence[str]) -> Iterator[str]:
    for name in given:
        if name == "-":
            yield from (line.rstrip("\n") for line in sys.stdin if line.rstrip("\n"))
        else:
            yield name


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("must be a whole number, at least 1")
    return int(text)
