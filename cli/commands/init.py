"""`keraunos init`: write a commented configuration to start from."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ...configs import recipes
from ...core.errors import ConfigError, message
from ...core.names import choose
from ...core.user_path import user_path
from ..completions import complete_recipes
from ..console import notify, show
from ..data_folder import DataInspection, inspect_data
from ..output_file import writing
from ..starter_config import command_of, starter_yaml
from ..typed_command import typed

DEFAULT_FILE = Path("keraunos.yaml")


def init(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The YAML file to write; must be new.")
    ] = DEFAULT_FILE,
    recipe: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The recipe to start from; see `keraunos recipes`.",
            autocompletion=complete_recipes,
        ),
    ] = "classify",
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Your images, or a table of them, to inspect and name in the file.",
        ),
    ] = None,
) -> None:
    """Write a commented YAML file to start from. An existing file is never replaced."""
    _require_new(file)
    choose("recipe", recipe, recipes())
    place = None if data is None else user_path(data).absolute()
    inspection = DataInspection([], is_usable=True)
    if place is not None:
        if not place.exists():
            raise ConfigError(message("`--data` must exist.", data=str(data)))
        inspection = inspect_data(place)
    for line in inspection.lines:
        notify(line)
    text = starter_yaml(
        recipe,
        file,
        None if place is None else str(place),
        inspection.lines if inspection.is_usable else [],
    )
    _write_new(file, text)
    show(f"written: {file}")
    is_ready = (place is not None and inspection.is_usable) or recipe == "quickstart"
    rest = [] if is_ready else ["data.train=FOLDER"]
    show(f"next: {typed(command_of(recipe), file, *rest)}")


def _require_new(file: Path) -> None:
    """Checks that a file does not exist, not even as a broken link."""
    if os.path.lexists(user_path(file)):
        raise ConfigError(
            message("`init` never replaces a file.", "Name a new one.", file=str(file))
        )


def _write_new(file: Path, text: str) -> None:
    with writing(file, "FILE") as place, open(place, "x", encoding="utf-8") as opened:
        opened.write(text)
