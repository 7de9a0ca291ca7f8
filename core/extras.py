"""The command that installs optional packages, in the way Keraunos was installed."""

import json
import shlex
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

PACKAGE = "keraunos"


def install_command(extra: str) -> str:
    """Returns the command that installs the packages of an extra.

    Keraunos comes from where it was installed from, so that its version stays the same: a
    clone, a repository, a file, or a package index.

    Args:
        extra: Name of the extra, such as `"onnx"`; or several, separated by commas.

    Example:
        >>> install_command("onnx").startswith("pip install ")
        True
    """
    return shlex.join(["pip", "install", *_requirement(extra, _direct_url())])


def _direct_url() -> dict[str, Any]:
    """Returns the direct_url.json of the installation; empty if it came from an index.

    The file is specified at https://packaging.python.org/specifications/direct-url.
    """
    try:
        text = metadata.distribution(PACKAGE).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        text = None
    origin: dict[str, Any] = json.loads(text) if text else {}
    return origin


def _requirement(extra: str, origin: dict[str, Any]) -> list[str]:
    url = str(origin.get("url", ""))
    if "dir_info" in origin:
        clone = Path(url2pathname(urlsplit(url).path))
        if clone.is_dir():
            is_editable = origin["dir_info"].get("editable", False)
            return [*(["-e"] if is_editable else []), f"{clone}[{extra}]"]
    elif "vcs_info" in origin:
        vcs = origin["vcs_info"]
        return [f"{PACKAGE}[{extra}] @ {vcs['vcs']}+{url}@{vcs['commit_id']}"]
    elif url:
        return [f"{PACKAGE}[{extra}] @ {url}"]
    return [f"{PACKAGE}[{extra}]"]
