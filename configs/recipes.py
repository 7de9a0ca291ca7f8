"""The configurations that ship with Keraunos."""

from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable


@dataclass(frozen=True)
class Recipe:
    """A shipped configuration.

    Attributes:
        name: The name to use on the command line.
        summary: The first line of the file.
        text: The YAML, including comments.
    """

    name: str
    summary: str
    text: str


def recipes() -> dict[str, Recipe]:
    """Returns all shipped recipes by name, in alphabetical order."""
    folder = resources.files(__package__)
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".yaml")),
        key=lambda file: file.name,
    )
    return {recipe.name: recipe for recipe in map(_read, files)}


def _read(file: Traversable) -> Recipe:
    text = file.read_text(encoding="utf-8")
    summary = text.partition("\n")[0].removeprefix("#").strip()
    return Recipe(file.name.removesuffix(".yaml"), summary, text)
