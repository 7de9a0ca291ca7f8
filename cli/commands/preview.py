"""`keraunos preview`: look at the data before training."""

from pathlib import Path
from typing import Annotated

import typer

from ..console import notify, show
from ..output_file import writing
from ..tensorflow import load_tensorflow
from .fit import ConfigArguments, read_arguments

KINDS_IMAGE = "augmentation_kinds.png"


def preview(
    arguments: ConfigArguments,
    output: Annotated[Path, typer.Option(help="Folder to write the images to.")] = Path(
        "preview"
    ),
) -> None:
    """Draw samples of each class and of each augmentation."""
    config, _ = read_arguments(arguments)
    load_tensorflow()
    from ... import evaluation
    from ...callbacks.figures import draw_data
    from ..build import build_augmentation, build_data

    data = build_data(config)
    figure = evaluation.augmentation_kinds_figure(data.images_by_kind())
    with writing(output) as place:
        place.mkdir(parents=True, exist_ok=True)
        files = draw_data(data, place)
        evaluation.save_figure(figure, place / KINDS_IMAGE)
    for name in (*(file.name for file in files), KINDS_IMAGE):
        show(str(output / name))
    kinds = build_augmentation(config).kinds
    off = [name for name, alone in kinds.items() if alone is None]
    if off:
        notify(f"off: {', '.join(f'augmentation.{name}' for name in off)}")
