"""`keraunos preview`: pictures of the data before anything is trained."""

from pathlib import Path
from typing import Annotated

import typer

from ..console import show
from ..output_file import writing
from ..tensorflow import load_tensorflow
from .fit import ConfigArguments, read_arguments


def preview(
    arguments: ConfigArguments,
    output: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path(
        "preview"
    ),
) -> None:
    """Draw samples of each class, and augmented versions of one picture."""
    config, _ = read_arguments(arguments)
    load_tensorflow()
    from ...callbacks.pictures import draw_data
    from ..build import build_data

    data = build_data(config)
    with writing(output) as place:
        place.mkdir(parents=True, exist_ok=True)
        files = draw_data(data, place)
    for file in files:
        show(str(output / file.name))
