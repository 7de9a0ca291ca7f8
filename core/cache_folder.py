"""Distinguishes a cache folder from a folder with other content.

Defines the names of all files in a cache; nothing else is ever removed from it.
"""

import errno
import re
from pathlib import Path

from .errors import ConfigError, message
from .files import read_text, require_plain, write_text_atomic

KINDS = ("features", "images", "near", "weights")
TAG = "CACHEDIR.TAG"  # also recognized by backup programs
FILES_DATABASE, FINGERPRINTS_DATABASE = "files.sqlite", "fingerprints.sqlite"
SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55"
OWNER = "# This is the cache of Keraunos: all in it can be removed, and is made again."

_KEY = rf"(?:{'|'.join(KINDS)})(?:-\d+)*-[0-9a-f]{{64}}"
_DRAWN = r"lesions-\d+-\d+"
_DATABASES = rf"(?:{re.escape(FILES_DATABASE)}|{re.escape(FINGERPRINTS_DATABASE)})"

KEY = re.compile(_KEY)
ENTRY = re.compile(rf"{_KEY}|{_DATABASES}")
DATABASE = re.compile(rf"{_DATABASES}(?:-journal|-wal|-shm)?")
GROWING = re.compile(rf"\.growing-(?P<key>{_KEY})(?:\.size)?")
UNFINISHED = re.compile(rf"\.(?:part|{_KEY})-\w{{8}}")
_OTHERS = re.compile(
    rf"\.(?:{_KEY}|{_DRAWN})\.lock|\.\.growing-{_KEY}\.size-\w{{8}}(?:\.size)?"
    rf"|{_DRAWN}|\.{_DRAWN}-\w{{8}}|{_DATABASES}-\w+"
    rf"|\.{TAG}-\w{{8}}\.TAG"
)


def claim_cache(directory: Path) -> None:
    """Checks that a folder is a cache, or marks it as one.

    Only marks folders that are empty or contain nothing but files of earlier versions.

    Args:
        directory: An existing folder.

    Raises:
        ConfigError: The folder contains something else, which is not changed.
    """
    require_plain(directory)
    if is_cache(directory):
        return
    others = sorted(each.name for each in directory.iterdir() if not _is_known(each.name))
    if others and not is_cache(directory):  # another process may have marked it
        raise ConfigError(
            message(
                "`cache_dir` must be new, empty or a cache, but it contains something "
                f"else ({others[0]}).",
                f"It is left as it is: choose another, such as {directory / 'keraunos'}.",
                cache_dir=str(directory),
            )
        )
    try:
        write_text_atomic(directory / TAG, f"{SIGNATURE}\n{OWNER}\n")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise  # if the disk is full, the next process tries again


def is_cache(directory: Path) -> bool:
    """Returns whether a folder is a cache of Keraunos."""
    try:
        return read_text(directory / TAG).startswith(f"{SIGNATURE}\n{OWNER}")
    except (OSError, UnicodeDecodeError):
        return False


def _is_known(name: str) -> bool:
    return any(each.fullmatch(name) for each in (ENTRY, GROWING, UNFINISHED, _OTHERS))
