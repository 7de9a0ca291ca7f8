"""`keraunos pack`: pack many small files into a few large ones."""

from pathlib import Path
from typing import Annotated

import typer

from ...configs import load_config
from ...core.counted import counted
from ...core.errors import ConfigError, message
from ..console import show
from ..output_file import writing


def pack(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Image folder or table, like data.train."),
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="New folder to write to.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE...]",
            help="Settings of the data, such as the columns of a table.",
        ),
    ] = None,
    shard_megabytes: Annotated[
        int, typer.Option(min=1, help="Size of each record file.")
    ] = 256,
) -> None:
    """Pack images into a few large record files.

    This helps on network drives that are slow to open files. The image files are copied
    byte by byte. Train on the table that is written with them:
    data.train=FOLDER/images.csv.
    """
    config = load_config(["classify"], [f"data.train={source}", *(settings or [])])
    if config.task != "classification":
        raise ConfigError(
            message(
                "`pack` writes the class of each image, but no other columns of a table.",
                "Leave task out.",
                task=config.task,
            )
        )
    from ...core.shared_store import open_store
    from ...data.files.record_files import record_library
    from ...data.index.sources import list_sources
    from ...data.packing import TABLE_FILE
    from ...data.packing import pack as pack_images

    record_library()
    if folder.exists():
        raise ConfigError(
            message("FOLDER must not exist yet.", "Name a new one.", folder=str(folder))
        )
    scans = list_sources(config.data, config.seed, open_store(config.cache_dir))
    with writing(folder, "FOLDER") as place:
        rows = pack_images(scans, place, shard_megabytes * 1_000_000)
    show(f"{counted(len(rows), 'image')} packed into {folder}")
    show(f"train on them with: data.train={folder / TABLE_FILE}")
