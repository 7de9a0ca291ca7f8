"""Renders Matplotlib figures as inline SVG for pages with many figures."""

import base64
import io
import re
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from ...core.names import visible

# Larger figures are embedded as PNG.
LARGEST_SVG = 400_000
_STYLE: Any = {
    "svg.fonttype": "none",  # keeps text as text
    "svg.hashsalt": "keraunos",  # makes output deterministic
    "font.family": "sans-serif",
}
_FONTS = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


def inline_svg(figure: Figure, prefix: str, description: str) -> Markup:
    """Returns a figure as an SVG element for HTML, or as an image if it is too large.

    Args:
        figure: The figure.
        prefix: Prefix of all ids in it, distinct for each figure of a page.
        description: Alternative text for screen readers.

    Example:
        >>> figure = Figure(figsize=(2, 1))
        >>> inline_svg(figure, "first", "Nothing")[:34]
        Markup('<svg role="img" aria-label="Nothin')
    """
    content = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    text = content.getvalue()
    if len(text) > LARGEST_SVG:
        return _as_pixels(figure, description)
    return Markup(_embedded(text, prefix, escape(visible(description))))


def _embedded(text: str, prefix: str, label: str) -> str:
    """Returns only the SVG element, with prefixed ids and without style rules."""
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'(?<=\bid=")|(?<=url\(#)|(?<=xlink:href="#)', f"{prefix}-", text)
    text = re.sub(r"'DejaVu Sans'[^;\"]*?sans-serif", _FONTS, text)
    head = re.search(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', text)
    width = re.search(r'width="[^"]*"', text)
    if head is None or width is None:
        raise ValueError("Matplotlib wrote no SVG.")
    element = f'<svg role="img" aria-label="{label}" {width[0]} {head[1]}>'
    return visible(element + text[head.end() :].replace("xlink:href", "href"))


def _as_pixels(figure: Figure, description: str) -> Markup:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    pixels = base64.b64encode(content.getvalue()).decode("ascii")
    label = escape(visible(description))
    return Markup(f'<img alt="{label}" src="data:image/png;base64,{pixels}">')
