"""`keraunos predict`: classes and probabilities of pictures."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from ...core.names import printable
from ...core.run_layout import PREDICTIONS_FILE
from ..console import notify, show_table
from ..ensembles import Member, find_members, require_images
from ..output_file import writing
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
    ensemble: Annotated[
        list[Path],
        typer.Option(
            metavar="RUN",
            help="A further run: probabilities are averaged. May be given several times.",
        ),
    ] = [],  # noqa: B006 (Typer reads it and never changes it)
) -> None:
    """Say of pictures which class they are of, on the screen and in a table.

    Of a directory of folds, or with --ensemble, by the mean of several models.
    """
    members = find_members([run, *ensemble])
    require_images(pictures)
    load_tensorflow(members[0].config.trainer)
    from ...evaluation import write_predictions
    from ...evaluation.comparisons.ensemble import average_predictions

    predictions = average_predictions(
        (each.name, _predict(each, pictures, bit_depth)) for each in members
    )
    _show(predictions)
    with writing(output) as place:
        write_predictions(place, predictions)
    notify(f"written: {output}")


def _predict(
    member: Member, images: Sequence[Path], bit_depth: int | None
) -> "Predictions":
    from ...data import unlabelled_split
    from ...data.files.pixel_rules import PixelRules
    from ...evaluation import Predictions
    from ...trainer import Trainer
    from ..saved_model import forget_models, load_class_names, load_model

    data = member.config.data
    rules = PixelRules.of(bit_depth or data.bit_depth, data.max_megapixels)
    split = unlabelled_split(
        images, data.image_size, data.batch_size, rules, data.find_images_by
    )
    probabilities = Trainer().predict(load_model(member.run, member.config), split)
    forget_models()
    names = load_class_names(member.run, probabilities.shape[1])
    return Predictions(split.names, probabilities, names)


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
