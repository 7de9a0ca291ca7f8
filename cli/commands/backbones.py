"""`keraunos backbones`: the networks that `model.backbone` takes."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from ...core.errors import ConfigError, message
from ...core.files import write_csv, write_json_atomic
from ...core.machine import processor
from ..backbone_table import BackboneRow, all_rows, row_of
from ..console import notify, show, show_table
from ..output_file import require_writable, writing
from ..tensorflow import load_tensorflow

_SUFFIXES = (".json", ".csv")


def backbones(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME...]",
            help="As model.backbone takes them; by default all of Keras, and of KerasHub "
            "where it is installed.",
            show_default=False,
        ),
    ] = None,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Build each with random weights, and time it here."),
    ] = False,
    image_size: Annotated[
        int | None,
        typer.Option(
            min=1, help="Pixels a side to measure with; by default that of each network."
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Images that are measured at a time.")
    ] = 32,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the table as .json or .csv, too."),
    ] = None,
) -> None:
    """List networks for model.backbone: size, inputs, whether their weights are here."""
    if output is not None:
        _require_output(output)
    rows = [row_of(name) for name in names] if names else all_rows()
    if measure:
        rows = _measured(rows, image_size, batch_size, bool(names))
    elif image_size is not None:
        raise ConfigError(
            message("`--image-size` is for `--measure`.", "Add it.", image_size=image_size)
        )
    if output is not None:
        _write(output, rows)
    show_table(_table(rows, measure))
    if measure:
        show(f"Images per second in batches of {batch_size}, on {processor()}.")


def _measured(
    rows: Sequence[BackboneRow], image_size: int | None, batch_size: int, are_named: bool
) -> list[BackboneRow]:
    """The rows with images per second; of all backbones, those that can be built here.

    Raises:
        ConfigError: One that was named can't be built.
    """
    load_tensorflow()
    from ...core.progress import track
    from ..measured_backbone import measured

    found = []
    for row in track(rows, "Measuring", len(rows)):
        try:
            found.append(measured(row, image_size, batch_size))
        except ConfigError as error:
            if are_named:
                raise
            notify(f"not measured: {row.name}: {error}")
            found.append(row)
    return found


def _require_output(output: Path) -> None:
    if output.suffix not in _SUFFIXES:
        expected = f"`--output` must end with {' or '.join(_SUFFIXES)}."
        raise ConfigError(message(expected, output=str(output)))
    require_writable(output)


def _write(output: Path, rows: Sequence[BackboneRow]) -> None:
    table = [asdict(row) for row in rows]
    with writing(output) as place:
        if output.suffix == ".json":
            write_json_atomic(place, table)
        else:
            write_csv(place, [*table[0]], [[*row.values()] for row in table])


def _table(rows: Sequence[BackboneRow], is_measured: bool) -> Table:
    right = ["parameters", "pixels", "at least", "features", "stages"]
    table = Table(
        Column("backbone", overflow="fold"),
        *(Column(name, justify="right") for name in right),
        "weights here",
        *([Column("images/s", justify="right")] if is_measured else []),
    )
    for row in rows:
        speed = [_number(row.images_per_second)] if is_measured else []
        numbers = (
            row.parameters,
            row.image_size,
            row.smallest_image_size,
            row.features,
            row.stages,
        )
        here = "" if row.has_weights is None else "yes" if row.has_weights else "no"
        table.add_row(row.name, *map(_number, numbers), here, *speed)
    return table


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return "" if value is None else f"{value:,}"
