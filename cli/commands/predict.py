"""`keraunos predict`: classes and probabilities of pictures."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from ...core.names import printable
from ...core.run_layout import PREDICTIONS_FILE
from ..console import notify, show_table
from ..output_file import writing
from ..run_directories import read_run_config
from ..tensorflow import load_tensorflow
from .test import RunArgument

if TYPE_CHECKING:
    from ...evaluation import Predictions

MOST_ROWS = 50


def predict(
    run: RunArgument,
    pictures: Annotated[
        list[Path], typer.Argument(metavar="PICTURE...", help="Files or folders.")
    ],
    output: Annotated[Path, typer.Option(help="Where to write the table.")] = Path(
        PREDICTIONS_FILE
    ),
    bit_depth: Annotated[
        int | None,
        typer.Option(min=8, max=16, help="As data.bit_depth; by default that of the run."),
    ] = None,
) -> None:
    """Say of pictures which class they are of, on the screen and in a table."""
    config = read_run_config(run)
    load_tensorflow(config.trainer)
    from ...data import unlabelled_split
    from ...data.files.pixel_rules import PixelRules
    from ...evaluation import Predictions, write_predictions
    from ...trainer import Trainer
    from ..saved_model import load_class_names, load_model

    data = config.data
    rules = PixelRules.of(bit_depth or data.bit_depth, data.max_megapixels)
    split = unlabelled_split(
        pictures, data.image_size, data.batch_size, rules, data.find_images_by
    )
    probabilities = Trainer().predict(load_model(run, config), split)
    names = load_class_names(run, probabilities.shape[1])
    predictions = Predictions(split.names, probabilities, names)
    _show(predictions)
    with writing(output) as place:
        write_predictions(place, predictions)
    notify(f"written: {output}")


def _show(predictions: "Predictions") -> None:
    table = Table(Column("file", overflow="fold"), "class", "probability")
    rows = zip(predictions.names, predictions.probabilities, strict=True)
    for name, row in islice(rows, MOST_ROWS):
        place = int(row.argmax())
        kind = printable(predictions.class_names[place])
        table.add_row(printable(name), kind, f"{row[place]:.3f}")
    show_table(table)
    if len(predictions.names) > MOST_ROWS:
        notify(f"and {len(predictions.names) - MOST_ROWS} more")
