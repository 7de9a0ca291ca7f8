"""`keraunos cache`: what runs share, and how to be rid of it."""

from typing import Annotated

import typer
from rich.table import Table

from ...core.cache_folder import KINDS
from ...core.names import choose
from ...core.store import open_store
from ..console import notify, show, show_table

_CLEARED = ("all", "files", "fingerprints", *KINDS)


def cache(
    clear: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="Remove entries of this kind: features, pictures or all."
        ),
    ] = "",
    cache_dir: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="As the setting cache_dir of the runs."),
    ] = None,
) -> None:
    """Show what runs share: decoded pictures, features, what is known of files."""
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
