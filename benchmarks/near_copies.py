"""Measures the recall and the false groups of the search for near copies.

    python benchmarks/near_copies.py FOLDER

Takes all distinct photographs below a folder. For each kind of change, writes a changed
version of every photograph, searches for near copies among originals and changed versions,
and counts

- recall: changed versions in the same group as their original;
- false groups: groups with versions of different originals. Groups among the originals
  alone are listed by name for review, because a data set may contain real near copies. They
  count as false unless they are named with --reviewed.

Mirrored photographs are negative examples: a group of a photograph and the mirror image of
another one is certainly false.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from keraunos.core.store import Store
from keraunos.data.copies.find_copies import near_groups
from keraunos.data.index.scan import list_images_below
from PIL import Image, ImageOps

Change = Callable[[Image.Image, np.random.Generator], tuple[Image.Image, int]]


def encode(image: Image.Image, _: np.random.Generator) -> tuple[Image.Image, int]:
    """Encodes as JPEG with quality 30."""
    return image, 30


def halve(image: Image.Image, _: np.random.Generator) -> tuple[Image.Image, int]:
    """Halves the width and height."""
    size = (image.width // 2, image.height // 2)
    return image.resize(size, Image.Resampling.LANCZOS), 90


def crop(image: Image.Image, random: np.random.Generator) -> tuple[Image.Image, int]:
    """Crops to 95% of width and height, at random."""
    width, height = round(image.width * 0.95), round(image.height * 0.95)
    left = int(random.integers(image.width - width + 1))
    top = int(random.integers(image.height - height + 1))
    return image.crop((left, top, left + width, top + height)), 90


def crop_all_edges(image: Image.Image, _: np.random.Generator) -> tuple[Image.Image, int]:
    """Crops 5% at each of the four edges."""
    return ImageOps.crop(image, round(image.width * 0.05)), 90


def mirror(image: Image.Image, _: np.random.Generator) -> tuple[Image.Image, int]:
    """Mirrors, which makes no copy."""
    return ImageOps.mirror(image), 90


def unique_photographs(folder: Path) -> list[str]:
    """Returns the photographs below a folder, one of each set of equal files."""
    contents: dict[bytes, str] = {}
    for path in list_images_below(folder):
        contents.setdefault(Path(path).read_bytes(), path)
    return list(contents.values())


def mixed_groups(groups: np.ndarray, originals: int) -> Iterator[list[int]]:
    """Yields groups with versions of different originals, as rows of the originals."""
    members = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row % originals)
    return (sorted(set(rows)) for rows in members.values() if len(set(rows)) > 1)


def measure(
    change: Change, photographs: list[str], known: list[list[int]], store: Store
) -> tuple[float, int]:
    """Returns recall, and the number of groups that the originals alone do not form."""
    with tempfile.TemporaryDirectory() as folder:
        changed = []
        for number, path in enumerate(photographs):
            with Image.open(path) as image:
                result, quality = change(
                    image.convert("RGB"), np.random.default_rng(number)
                )
            changed.append(f"{folder}/{number}.jpg")
            result.save(changed[-1], quality=quality)
        groups = near_groups([*photographs, *changed], store)
    count = len(photographs)
    recall = float((groups[:count] == groups[count:]).mean())
    return recall, sum(rows not in known for rows in mixed_groups(groups, count))


def main() -> None:
    """Prints a table and a line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, help="maximum number of photographs")
    reviewed = "two file names, such as a.jpg=b.jpg, that are copies by manual review"
    parser.add_argument("--reviewed", action="append", default=[], help=reviewed)
    arguments = parser.parse_args()
    photographs = unique_photographs(arguments.folder)[: arguments.most]
    count = len(photographs)
    with tempfile.TemporaryDirectory() as cache:
        store = Store(Path(cache), 10**10)
        known = list(mixed_groups(near_groups(photographs, store), count))
        found = ["=".join(Path(photographs[row]).name for row in rows) for rows in known]
        false = [each for each in found if each not in arguments.reviewed]
        print(f"{count:,} different files; groups among them: {', '.join(found) or 'none'}")
        print(f"false per 1,000 unrelated photographs: {1000 * len(false) / count:.2f}")
        results = {}
        for change in (encode, halve, crop, crop_all_edges, mirror):
            recall, mixed = measure(change, photographs, known, store)
            more = 1000 * mixed / count
            results[change.__name__] = {"recall": recall, "false_per_1000": more}
            print(
                f"{change.__doc__:52} recall {recall:.4f}  more false {more:.2f} per 1,000"
            )
    answer = {"photographs": count, "groups": found, "false": len(false), **results}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
