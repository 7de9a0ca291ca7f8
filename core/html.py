"""Pages that need nothing but themselves: templates in which every value is escaped."""

import os
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from .names import visible


def page_environment() -> Environment:
    r"""Templates of HTML: values are escaped, and names that are missing are errors.

    Control characters and what is not valid text, as in names of files, are shown as
    escapes.

    Example:
        >>> page_environment().from_string("<b>{{ name }}</b>").render(name="<\udcff>")
        '<b>&lt;\\udcff&gt;</b>'
    """
    environment = Environment(
        autoescape=True,
        finalize=_as_valid_text,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["file_name"] = os.path.basename
    return environment


def read_resource(package: str, name: str) -> str:
    """The text of a file that is shipped with a package, a template say."""
    return resources.files(package).joinpath(name).read_text("utf-8")


def base_style() -> str:
    """The style that pages have in common: colors in light and dark, text, focus."""
    return read_resource(__package__, "base.css")


def _as_valid_text(value: Any) -> Any:
    if isinstance(value, Markup) or not isinstance(value, str | os.PathLike):
        return value
    return visible(str(value))
