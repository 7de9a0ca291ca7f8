"""Puts beside an exported model what is needed to call it: Python files to copy away."""

import shutil
from pathlib import Path

from ..core.files import write_text_atomic

PACKAGE = "runtime"
PREDICT_FILE = "predict.py"
REQUIREMENTS_FILE = "requirements.txt"
_ROOT = Path(__file__).parents[1]
_PORTABLE = sorted((_ROOT / "export/portable").glob("[a-z]*.py"))
_COPIED = (
    *(f"data/files/{name}.py" for name in ("decode", "deep_images", "formats")),
    "data/files/pixel_rules.py",
    *(f"export/portable/{file.stem}.py" for file in _PORTABLE),
)
_PREDICT = f'''"""Predicts the classes of images: `python predict.py IMAGE...`.

In Python: `model = Model.open(Path("..."))`, then `model.decode` and `model.answers`.
"""

import sys
from pathlib import Path

from {PACKAGE}.export.portable.command import main
from {PACKAGE}.export.portable.model import Model

__all__ = ["Model"]

if __name__ == "__main__":
    sys.exit(main(Path(__file__).parent, sys.argv[1:]))
'''


def write_portable_files(directory: Path, requirements: tuple[str, ...]) -> None:
    """Writes `predict.py`, what it imports, and `requirements.txt`.

    Args:
        directory: Of the export.
        requirements: The packages that run the format.
    """
    for name in _COPIED:
        place = directory / PACKAGE / name
        _make_packages(directory, place.parent)
        shutil.copyfile(_ROOT / name, place)
    write_text_atomic(directory / PREDICT_FILE, _PREDICT)
    needed = ("numpy", "pillow", *requirements)
    write_text_atomic(directory / REQUIREMENTS_FILE, "".join(f"{n}\n" for n in needed))


def _make_packages(directory: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    while folder != directory:
        (folder / "__init__.py").touch()
        folder = folder.parent
