"""`README.md` of an export: what it is, how to call it, and what it is not for."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..configs.choices import Task
from ..core.files import write_text_atomic
from ..core.names import printable, some
from .description import Description
from .formats.contract import Format

README_FILE = "README.md"

_MOST_NAMED = 50
_PREDICTS: dict[Task, tuple[str, str]] = {
    "classification": ("the class of an image", "Classes"),
    "multi_label": ("the labels of an image", "Labels"),
    "regression": ("numbers for an image", "Numbers"),
}


def write_readme(directory: Path, format: Format, description: Description) -> None:
    """Writes the file from what `model.json` holds, too, and from the license."""
    text = "\n".join(_lines(format, description)) + "\n"
    write_text_atomic(directory / README_FILE, text)


def _lines(format: Format, description: Description) -> Iterator[str]:
    yield f"# {printable(description.name)}"
    yield ""
    yield from _summary(format, description)
    yield from ("", "## Use", "")
    yield from _usage(takes_table=description.columns is not None)
    unknown = ["Any use: it was not evaluated on images that it was not trained on."]
    yield from ("", "## Not for", "")
    yield from _items(description.not_for or unknown)
    if warnings := description.decisions.get("warnings", []):
        yield from ("", "## Warnings", "")
        yield from _items(warnings)
    yield from ("", "## License", "", _license(description.license))


def _summary(format: Format, description: Description) -> Iterator[str]:
    predicts, names = _PREDICTS[description.task]
    size, columns = description.image_size, description.columns
    yield (
        f"A model that predicts {predicts}, exported by Keraunos as {format.name} "
        f"(`{format.file}`). It was compared with the trained model on images of its data "
        "set: see `parity.json`."
    )
    yield ""
    yield f"- {names}: {some(description.classes, _MOST_NAMED)}"
    yield f"- Images: any size, resized to {size} x {size} pixels by `predict.py`"
    if columns is not None:
        yield f"- Columns of a table next to each image: {some(columns.names, _MOST_NAMED)}"
    yield "- Everything else, such as decoding rules and thresholds: `model.json`"


def _usage(takes_table: bool) -> Iterator[str]:
    images = "TABLE.csv --image-root FOLDER" if takes_table else "FOLDER"
    yield "```bash"
    yield "pip install -r requirements.txt"
    yield f"python predict.py {images} --output predictions.csv"
    yield "```"
    yield ""
    yield (
        "Without `--output`, each image is a line of JSON on standard output. `predict.py "
        "--help` lists all options; its first lines show how to call it from Python. It "
        "needs neither Keraunos nor a GPU."
    )


def _items(texts: Iterable[str]) -> Iterator[str]:
    return (f"- {printable(each)}" for each in texts)


def _license(name: str) -> str:
    if name != "unknown":
        return f"{name}. Weights that training began with can have terms of their own."
    return (
        "Not stated. The training images, and weights that training began with, can have "
        "terms of their own."
    )
