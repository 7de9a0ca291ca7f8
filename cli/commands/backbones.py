"""`keraunos backbones`: list the networks that `model.backbone` accepts."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from ...configs.backbone import is_of_hub
from ...core.errors import ConfigError, message
from ...core.files import write_csv, write_json_atomic
from ...core.machine import processor
from ..backbone_table import BackboneRow, all_rows, row_of
from ..console import notify, show, show_table
from ..output_file import require_table, writing
from ..tensorflow import load_tensorflow

_TITLES = {
    "parameters": "parameters",
    "image_size": "pixels",
    "smallest_image_size": "at least",
    "features": "features",
    "stages": "stages",
    "has_weights": "weights",
    "images_per_second": "images/s",
}
_WIDEST_NAME = 60


def backbones(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME...]",
            help="Values of model.backbone; by default all networks of Keras, and of "
            "KerasHub if it is installed.",
            show_default=False,
        ),
    ] = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure", help="Build each network with random weights and time it."
        ),
    ] = False,
    image_size: Annotated[
        int | None,
        typer.Option(
            min=1, help="Image size for --measure; by default that of each network."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Batch size for --measure.")] = 32,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the table, as .json or .csv."),
    ] = None,
) -> None:
    """List the networks that model.backbone accepts.

    `weights` shows whether their ImageNet weights are on this machine. `pixels` is the
    image size that the weights were trained with, `at least` the smallest size that the
    network accepts, and `stages` the number of parts in which it can be unfrozen; they
    are listed by name for the networks that you name. `--measure` adds `images/s` on
    this machine.
    """
    if output is not None:
        require_table(output)
    rows = [row_of(name) for name in names] if names else all_rows()
    if measure:
        rows = _measured(rows, image_size, batch_size, bool(names))
    elif image_size is not None:
        raise ConfigError(
            message("`--image-size` is for `--measure`.", "Add it.", image_size=image_size)
        )
    if output is not None:
        _write(output, rows)
    _show(rows)
    if names:
        _show_stages(rows)
    if measure:
        show(f"Images per second in batches of {batch_size}, on {processor()}.")


def _measured(
    rows: Sequence[BackboneRow], image_size: int | None, batch_size: int, are_named: bool
) -> list[BackboneRow]:
    """Adds images per second to the rows of the backbones that can be built here.

    Raises:
        ConfigError: A backbone that was named can't be built.
    """
    load_tensorflow()
    from ...core.progress import track
    from ..measured_backbone import measure_backbone

    found = []
    for row in track(rows, "Measuring", len(rows)):
        try:
            found.append(measure_backbone(row, image_size, batch_size))
        except ConfigError as error:
            if are_named:
                raise
            notify(f"not measured: {row.name}: {error}")
            found.append(row)
    return found


def _write(output: Path, rows: Sequence[BackboneRow]) -> None:
    table = [asdict(row) for row in rows]
    with writing(output) as place:
        if output.suffix == ".json":
            write_json_atomic(place, table)
        else:
            words = [{**row, "stages": " ".join(row["stages"] or ())} for row in table]
            write_csv(place, [*table[0]], [[*row.values()] for row in words])


def _show(rows: Sequence[BackboneRow]) -> None:
    """Prints the table; backbones of KerasHub get their own, with other columns."""
    for group in (False, True):
        of_group = [row for row in rows if is_of_hub(row.name) is group]
        if of_group:
            show_table(_table(of_group))


def _show_stages(rows: Sequence[BackboneRow]) -> None:
    for row in rows:
        if row.stages:
            show(f"Stages of {row.name}: {', '.join(row.stages)}.")


def _table(rows: Sequence[BackboneRow]) -> Table:
    """Returns a table with the columns that have a value in any row."""
    shown = {
        title: cells
        for name, title in _TITLES.items()
        if any(cells := [_cell(getattr(row, name)) for row in rows])
    }
    longest = max(len(row.name) for row in rows)
    name = Column("backbone", min_width=min(longest, _WIDEST_NAME))
    table = Table(name, box=SIMPLE_HEAD, show_edge=False, padding=0)  # for 80 columns
    for title in shown:
        table.add_column(title, justify="right")
    for row, *cells in zip(rows, *shown.values(), strict=True):
        table.add_row(row.name, *cells)
    return table


def _cell(value: float | bool | tuple[str, ...] | None) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return str(len(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
