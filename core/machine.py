"""Describes processor, cores and versions, without identifying the machine."""

import functools
import os
import platform
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def processor() -> str:
    """Returns the model name of the processor."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor() or "unknown"


def usable_cores() -> int:
    """Returns the number of cores that this process may run on."""
    if platform.system() == "Linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def version_of(package: str) -> str:
    """Returns the version of an installed package, cached because lookups take time.

    Raises:
        PackageNotFoundError: The package is not installed.
    """
    return version(package)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Returns the versions of Python and of the given packages that are installed.

    Example:
        >>> list(versions(["numpy", "not-a-package"]))
        ['python', 'numpy']
    """
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version_of(name)
        except PackageNotFoundError:
            continue
    return found
