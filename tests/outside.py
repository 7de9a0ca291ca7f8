"""Files outside of a run, which nothing in the run may change."""

import os
import socket
from pathlib import Path
from typing import Any

KINDS = ("link to a file", "link to a folder", "dangling link", "fifo", "socket")


def make_outside(root: Path) -> Path:
    """Fills a folder with files that a user would miss."""
    photographs = root / "photographs"
    photographs.mkdir(parents=True)
    for number in range(3):
        (photographs / f"{number}.jpg").write_bytes(b"photograph %d" % number)
    (photographs / "weights.safetensors").write_bytes(b"of somebody else")
    (root / "thesis.tex").write_text("all of it")
    (root / "empty").mkdir()
    return root


def snapshot(root: Path) -> dict[str, Any]:
    """Everything below a folder, with what shows whether it was touched."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        is_file = path.is_file() and not path.is_symlink()
        content = path.read_bytes() if is_file else None
        changed = None if path.is_dir() and not path.is_symlink() else status.st_mtime_ns
        found[str(path)] = (status.st_ino, status.st_mode, changed, content)
    return found


def plant(path: Path, kind: str, outside: Path) -> None:
    """Puts something in the place of one of our files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        folder = os.open(path.parent, os.O_RDONLY)  # the path itself may be too long
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{folder}/{path.name}")
        os.close(folder)
    else:
        targets = {"link to a file": "thesis.tex", "link to a folder": "photographs"}
        path.symlink_to(outside / targets.get(kind, "not there"))
