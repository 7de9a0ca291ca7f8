"""Writes the Python files that are needed to run an exported model."""

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..core.files import write_text_atomic
from ..core.machine import versions

PACKAGE = "runtime"
PREDICT_FILE = "predict.py"
REQUIREMENTS_FILE = "requirements.txt"
_ALWAYS = ("numpy", "pillow")
_ROOT = Path(__file__).parents[1]
_PORTABLE = sorted((_ROOT / "export/portable").glob("[a-z]*.py"))
_OF_CORE = ("csv_cells", "missing_values", "table_features")
_COPIED = (
    *(f"core/{name}.py" for name in _OF_CORE),
    *(f"data/files/{name}.py" for name in ("decode", "deep_images", "formats")),
    "data/files/pixel_rules.py",
    *(f"export/portable/{file.stem}.py" for file in _PORTABLE),
)
_PREDICT = f'''"""Predicts the classes of images: `python predict.py IMAGE...`, see --help.

In Python, from anywhere:

    import sys
    sys.path.append("the directory of this file")
    from predict import Model

    model = Model.open()
    for row in model.predict(["first.jpg", "second.png"]):
        print(row)
"""

import os
import sys
from pathlib import Path
from typing import Self

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.append(str(HERE))

from {PACKAGE}.export.portable import model  # noqa: E402
from {PACKAGE}.export.portable.command import main  # noqa: E402


class Model(model.Model):
    """The model in this directory; needs only the packages in requirements.txt."""

    @classmethod
    def open(cls, directory: str | os.PathLike[str] = HERE) -> Self:
        """Opens this model, or that of another exported directory."""
        return super().open(directory)


if __name__ == "__main__":
    sys.exit(main(HERE, sys.argv[1:]))
'''
_REQUIREMENTS = """\
# The export was checked with these versions, in Python {python}. Others may work; another
# version of Pillow can decode pixels that differ by 1 of 255.
"""


def write_portable_files(directory: Path, requirements: tuple[str, ...]) -> None:
    """Writes `predict.py`, the modules it imports, and `requirements.txt`.

    Args:
        directory: Directory of the export.
        requirements: Packages that run the format.
    """
    for name in _COPIED:
        place = directory / PACKAGE / name
        _make_packages(directory, place.parent)
        shutil.copyfile(_ROOT / name, place)
    write_text_atomic(directory / PREDICT_FILE, _PREDICT)
    checked = checked_versions(requirements)
    lines = [_pinned(each, checked) for each in (*_ALWAYS, *requirements)]
    text = _REQUIREMENTS.format(python=checked["python"])
    write_text_atomic(
        directory / REQUIREMENTS_FILE, text + "".join(f"{line}\n" for line in lines)
    )


def checked_versions(requirements: Iterable[str]) -> dict[str, str]:
    """Returns the versions of Python and of the packages used to check an export.

    Args:
        requirements: Packages that run the format.
    """
    return versions(map(_package, (*_ALWAYS, *requirements)))


def _pinned(requirement: str, checked: Mapping[str, str]) -> str:
    """Pins a requirement; unchanged if the package is installed under another name."""
    name = _package(requirement)
    return f"{name}=={checked[name]}" if name in checked else requirement


def _package(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def _make_packages(directory: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    while folder != directory:
        (folder / "__init__.py").touch()
        folder = folder.parent
