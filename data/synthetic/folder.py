"""The folder of generated lesions: cached, and repaired if damaged."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ...core.checked_files import CHECKSUMS_FILE
from ...core.console import notify
from ...core.counted import counted
from ...core.files import new_directory, replacing, sha256_of_file, write_text_atomic
from ...core.progress import track
from ...core.store import Store
from .lesions import KINDS, draw_lesion

NAME = "synthetic:lesions"
VERSION = 1


def synthetic_folder(store: Store, seed: int) -> Path:
    """Generates the data set, unless it is in the store.

    Args:
        store: The store.
        seed: Seed of the images.

    Returns:
        A folder with the folders `train` and `test`, each with one folder per class.
    """
    folder = store.directory / f"lesions-{VERSION}-{seed}"
    with store.lock(folder.name):
        if not folder.exists():
            with new_directory(folder) as part:
                _draw_all(part, seed)
                _record_digests(part)
        _repair(folder, seed)
    return folder


def _repair(folder: Path, seed: int) -> None:
    """Generates damaged and missing images again."""
    noted, found = _recorded_digests(folder), _current_digests(folder)
    damaged = [
        each
        for each in _plan()
        if not found[each.name]
        or noted.get(each.name, found[each.name]) != found[each.name]
    ]
    for each in damaged:
        each.draw(folder, seed)
    if damaged:
        images = counted(len(damaged), "generated image")
        notify(f"{images} in {folder} damaged, generated again")
    if damaged or not noted:
        _record_digests(folder)


def _recorded_digests(folder: Path) -> dict[str, str]:
    """Returns the recorded SHA-256 of each image by name; empty if not recorded."""
    try:
        lines = (folder / CHECKSUMS_FILE).read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _record_digests(folder: Path) -> None:
    lines = [f"{digest}  {name}\n" for name, digest in _current_digests(folder).items()]
    with contextlib.suppress(OSError):  # a full disk is reported elsewhere
        write_text_atomic(folder / CHECKSUMS_FILE, "".join(lines))


def _current_digests(folder: Path) -> dict[str, str]:
    """Returns the current SHA-256 of each image by name; empty if it can't be read."""
    found = dict.fromkeys((each.name for each in _plan()), "")
    for name in found:
        with contextlib.suppress(OSError):
            found[name] = sha256_of_file(folder / name)
    return found


@dataclass(frozen=True)
class _Drawing:
    """An image to generate."""

    split: str
    class_name: str
    number: int

    @property
    def name(self) -> str:
        """Path of the file relative to the data set."""
        return f"{self.split}/{self.class_name}/lesion_{self.number:04d}.png"

    def draw(self, folder: Path, seed: int) -> None:
        """Draws the image, and writes its file."""
        file = folder / self.name
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw_lesion(self.class_name, seed, self.number)
        with replacing(file) as part:
            Image.fromarray(pixels).save(part)


def _plan() -> list[_Drawing]:
    return [
        _Drawing(split, name, number)
        for name, kind in KINDS.items()
        for split, numbers in (
            ("train", range(kind.train)),
            ("test", range(kind.train, kind.train + kind.test)),
        )
        for number in numbers
    ]


def _draw_all(folder: Path, seed: int) -> None:
    plan = _plan()
    for each in track(plan, "Drawing lesions", len(plan)):
        each.draw(folder, seed)
