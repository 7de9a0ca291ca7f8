"""Creates the directory of a run or a search."""

from pathlib import Path

from .errors import reason_of, unusable_run_dir


def create_run_directory(directory: Path, wanted: str = "a run to resume") -> None:
    """Creates a directory and those above it, unless it is there.

    Args:
        directory: The value of `run_dir`.
        wanted: What it may contain, for the message.

    Raises:
        ConfigError: It can't be created: on a file system that is read-only, full or not
            mounted, say.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"it can't be created ({reason_of(error)})"
        raise unusable_run_dir(directory, wanted, why) from None
