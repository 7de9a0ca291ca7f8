"""Figures that show themselves in a notebook."""

import io
from os import PathLike

from matplotlib.figure import Figure


class Drawing:
    """A figure; as the last value of a notebook's cell it is shown below the cell.

    Args:
        figure: Drawn without a screen; nothing has to be switched on for it.

    Attributes:
        figure: For changes of one's own.

    Example:
        >>> figure = Figure(figsize=(2, 1))
        >>> Drawing(figure)._repr_png_()[1:4]
        b'PNG'
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the figure; the name's ending tells the format, such as `.png`."""
        self.figure.savefig(path, dpi=110)

    def _repr_png_(self) -> bytes:
        """What IPython asks for."""
        content = io.BytesIO()
        self.figure.savefig(content, format="png", dpi=80)
        return content.getvalue()
