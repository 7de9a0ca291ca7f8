"""Finds files of the packages that the editable install does not know yet."""

from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
AGAIN = 'pip install -e ".[dev]" --config-settings editable_mode=strict'


def not_installed(root: Path, home: Path) -> list[str]:
    """Returns the Python files of a clone that an editable install of it lacks.

    Args:
        root: The clone.
        home: The folder that is imported as `keraunos`. If it was not installed from this
            clone, or not as editable, nothing is missing.
    """
    first = home / "__init__.py"
    if not (first.exists() and first.samefile(root / "api" / "__init__.py")):
        return []
    return [
        name.as_posix()
        for package in root.glob("*/__init__.py")
        for name in (file.relative_to(root) for file in package.parent.rglob("*.py"))
        if not (home / Path(*name.parts[name.parts[0] == "api" :])).exists()
    ]


def require_installed() -> None:
    """Refuses to run tests while new files are not installed.

    Raises:
        SystemExit: Files are missing; the message lists them and says what to do.
    """
    spec = find_spec("keraunos")
    homes = spec.submodule_search_locations if spec else None
    for home in homes or ():
        if missing := not_installed(ROOT, Path(home)):
            raise SystemExit(
                f"Every file of a package must be installed. Received: "
                f"{', '.join(missing)}. "
                f"List new folders in setup.cfg, and run {AGAIN} again."
            )
