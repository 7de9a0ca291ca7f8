"""Writes the figure and the importances of a search."""

from collections.abc import Callable
from pathlib import Path

from ...core.files import replacing
from ...core.run_layout import SEARCH_IMAGE
from ..study import Study
from .board import show_search
from .insight import describe, find_insight, write_importance


def draw_results(directory: Path, study: Study, notify: Callable[[str], None]) -> None:
    """Writes the figure and the importances of a search, finished or not.

    Args:
        directory: Directory of the search.
        study: The study; without any score, nothing is written.
        notify: Called with a line per parameter.
    """
    from PIL import Image

    from ...evaluation import to_pixels  # loads Matplotlib
    from .figures import search_figure

    insight = find_insight(study)
    if not insight.table.trials:
        return
    pixels = to_pixels(search_figure(insight))
    with replacing(directory / SEARCH_IMAGE) as temporary:
        Image.fromarray(pixels).save(temporary, "png", compress_level=1)
    write_importance(directory, insight)
    show_search(directory, study, pixels)
    for line in describe(insight):
        notify(line)
