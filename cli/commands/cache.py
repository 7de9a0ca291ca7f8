"""`keraunos cache`: show or clear the cache that runs share."""

from typing import Annotated

import typer
from rich.table import Table

from ...core.cache_folder import KINDS
from ...core.names import choose
from ...core.shared_store import open_store
from ..console import notify, show, show_table

_CLEARED = ("all", "files", "fingerprints", *KINDS)


def cache(
    clear: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="Remove entries of this kind: features, images or all."
        ),
    ] = "",
    cache_dir: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER", help="Folder of the cache, like the setting cache_dir."
        ),
    ] = None,
) -> None:
    """Show or clear the cache that runs share.

    It holds decoded images, features, and fingerprints of files.
    """
    store = open_store(cache_dir)
    if clear:
        choose("clear", clear, dict.fromkeys(_CLEARED))
        removed = store.clear("" if clear == "all" else clear)
        notify(f"{removed / 1e6:,.1f} MB removed")
    table = Table("kind", "entries", "MB")
    for kind, sizes in store.sizes().items():
        table.add_row(kind, f"{len(sizes)}", f"{sum(sizes) / 1e6:,.1f}")
    show_table(table)
    show(f"{store.directory}, limited to {store.limit_bytes / 1e9:g} GB")
