"""Renders self-contained HTML pages from templates in which every value is escaped."""

import os
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from .names import visible


def page_environment() -> Environment:
    r"""Creates an environment for HTML templates, in which undefined names are errors.

    Values are escaped, including control characters and invalid text in file names.

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
    """Reads a text file of a package, such as a template."""
    return resources.files(package).joinpath(name).read_text("utf-8")


def base_style() -> str:
    """Returns the common CSS of all pages: light and dark colors, text, focus."""
    return read_resource(__package__, "base.css")


def _as_valid_text(value: Any) -> Any:
    if isinstance(value, Markup) or not isinstance(value, str | os.PathLike):
        return value
    return visible(str(value))
