"""Creates run directories, and reads the configuration of existing ones."""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..configs import RunConfig, load_config
from ..core.checked_files import is_damaged
from ..core.console import notify
from ..core.errors import ConfigError, message
from ..core.files import read_text
from ..core.removal import remove_empty
from ..core.run_layout import (
    CHOSEN_FILE,
    CONFIG_FILE,
    MODEL_FILE,
    REFIT_FOLDER,
    SEARCH_FILE,
    fold_name,
)

RUNS = Path("runs")


def run_name(source: str) -> str:
    """Returns the name for runs of a configuration, after its recipe or file.

    Example:
        >>> run_name("quickstart"), run_name("runs/quickstart-003/config.yaml")
        ('quickstart', 'quickstart')
    """
    path = Path(source)
    if path.name == CONFIG_FILE:
        return re.sub(r"-\d+$", "", path.absolute().parent.name)
    return path.stem


@contextlib.contextmanager
def run_directory(named: str | None, name: str) -> Iterator[Path]:
    """Yields the directory that was named, or a new one below `runs`.

    A new directory is removed if it is still empty when the run ends.

    Args:
        named: The setting `run_dir`.
        name: The name of a new directory, without its number.

    Raises:
        ConfigError: The folder `runs` can't be written.
    """
    if named:
        yield Path(named)
        return
    had_runs = RUNS.exists()
    directory = next_run_directory(name)
    try:
        yield directory
    finally:
        remove_empty(directory)
        if not had_runs:
            remove_empty(RUNS)


def next_run_directory(name: str) -> Path:
    """Creates the next free `runs/<name>-<NNN>`.

    Raises:
        ConfigError: The folder `runs` can't be written.
    """
    number = 1
    while True:
        directory = RUNS / f"{name}-{number:03d}"
        try:
            directory.mkdir(parents=True)
            return directory
        except FileExistsError:
            number += 1
        except OSError as error:
            raise ConfigError(
                message(
                    f"A new run directory can't be created ({error.strerror}).",
                    "Name one with run_dir=DIR, or change to a writable folder.",
                    run_dir=str(directory.absolute()),
                )
            ) from None


def read_run_config(run: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Reads the configuration of a run, with single settings changed.

    Raises:
        ConfigError: The directory is not a run, or a setting is invalid.
    """
    file = run / CONFIG_FILE
    if not file.is_file():
        raise ConfigError(
            message(
                f"RUN must be a run directory, with a {CONFIG_FILE}.",
                where_to_look(run),
                run=str(run),
            )
        )
    remark_on_config(file)
    return load_config([str(file)], overrides)


def where_to_look(path: Path) -> str:
    """Returns what to name instead of a directory that is no run of `keraunos fit`."""
    if (path / SEARCH_FILE).is_file():
        found = model_of_search(path)
        return f"It is a search; try {found}." if found else "It is an unfinished search."
    if any((each / MODEL_FILE).is_file() for each in (path, path / fold_name(1))):
        return (
            "A Python program trained it, which reads images in its own way: open it "
            "there, with SearchResult.load_model() or keras.models.load_model(...)."
        )
    return "Look below `runs`."


def model_of_search(search: Path) -> Path | None:
    """Returns the refit of a search, or its chosen trial; None if there is neither."""
    if (search / REFIT_FOLDER / MODEL_FILE).is_file():
        return search / REFIT_FOLDER
    try:
        return search / str(json.loads(read_text(search / CHOSEN_FILE))["trial"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remark_on_config(file: Path) -> None:
    """Notifies if the configuration of a run was edited or damaged."""
    if is_damaged(file):
        notify(
            f"{file} differs from what the run wrote: was it edited, or is it damaged? It "
            "is used as it is."
        )
