"""Creates run directories, and reads the configuration of existing ones."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..configs import RunConfig, load_config
from ..core.checked_files import is_damaged
from ..core.console import notify
from ..core.errors import ConfigError, message
from ..core.removal import remove_empty
from ..core.run_layout import CONFIG_FILE

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
                "Look below `runs`.",
                run=str(run),
            )
        )
    remark_on_config(file)
    return load_config([str(file)], overrides)


def remark_on_config(file: Path) -> None:
    """Notifies if the configuration of a run was edited or damaged."""
    if is_damaged(file):
        notify(
            f"{file} differs from what the run wrote: was it edited, or is it damaged? It "
            "is used as it is."
        )
