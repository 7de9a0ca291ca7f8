"""Determines whether subfolders are classes or splits, or asks the user."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...configs.choices import Layout
from ...core.errors import DataError, message
from ...core.names import some
from ...core.suggestion import Suggestion
from .folders import folders_below, has_images, sub_folders_with_images
from .image_index import SPLIT_NAMES
from .split_names import UNCLEAR, splits_of

_SUB_FOLDERS_ALIKE = 2


@dataclass(frozen=True)
class Setting:
    """Names of settings, for messages.

    Attributes:
        source: The setting of the folder, such as `"data.train"`.
        layout: The setting of the layout, such as `"data.layout"`.
    """

    source: str = "data.train"
    layout: str = "data.layout"


def find_splits(root: Path, layout: Layout, setting: Setting) -> dict[str, Path]:
    """Finds the folders of the splits below a folder.

    Args:
        root: The folder.
        layout: What its subfolders are. `"auto"` treats them as splits if each name denotes
            another split, as classes if none seems to be a split, and asks otherwise.
        setting: Names of settings, for messages.

    Returns:
        Folders by split; empty if `root` contains class folders.

    Raises:
        DataError: It is unclear what the subfolders are, or a split can't be found.
    """
    if layout == "classes":
        return {}
    names = folders_below(root, setting.source).names
    meant = splits_of(names)
    found = _unambiguous_folders(meant)
    is_clear = "train" in found and len(found) == len(meant)
    if is_clear and (layout == "splits" or len(found) == len(names)):
        return {split: root / name for split, name in found.items()}
    reason = _reason_to_ask(root, names, meant)
    if layout == "splits" or reason:
        raise _question(root, names, meant, reason, setting)
    return {}


def require_classes(root: Path, layout: Layout, setting: Setting) -> None:
    """Checks that a folder of validation or test images does not contain splits.

    Raises:
        DataError: Its subfolders are named like splits.
    """
    if layout == "classes" or not root.is_dir():
        return
    names = folders_below(root, setting.source).names
    meant = splits_of(names)
    if len(set(meant.values())) > 1 or (meant and len(names) == 1):
        nearest = next((n for n in meant if meant[n] == "test"), next(iter(meant)))
        raise DataError(
            message(
                f"`{setting.source}` must contain one folder per class; its folders "
                f"{some(meant)} are named like splits.",
                **{setting.source: str(root)},
            ),
            Suggestion("Try", {setting.source: str(root / nearest)}, "."),
            Suggestion("", {setting.layout: "classes"}, "treats them as classes."),
        )


def unused_folders(root: Path, splits: Mapping[str, Path], name: str) -> list[str]:
    """Returns a remark on folders next to those of the splits."""
    used = {folder.name for folder in splits.values()}
    rest = [each for each in folders_below(root, name).names if each not in used]
    return [f"skipped folders, next to the splits: {some(rest)}"] if rest else []


def _unambiguous_folders(meant: Mapping[str, str]) -> dict[str, str]:
    """Returns the folder of each split that exactly one folder denotes."""
    counts = Counter(meant.values())
    names = {split: name for name, split in meant.items() if counts[split] == 1}
    return {split: names[split] for split in SPLIT_NAMES if split in names}


def _reason_to_ask(root: Path, names: Sequence[str], meant: Mapping[str, str]) -> str:
    """Returns why folders may be splits; empty if there is no sign of it."""
    if len(set(meant.values())) > 1:
        others = [name for name in names if name not in meant]
        beside = f", next to {some(others)}" if others else ""
        return f"{some(meant)} are named like splits{beside}"
    if not meant and len(names) < _SUB_FOLDERS_ALIKE:
        return ""
    below = {name: sub_folders_with_images(str(root / name)) for name in names}
    for name in meant:
        if len(below[name]) > 1 and not has_images(str(root / name)):
            return f"{name} is named like a split and contains folders of images"
    counts = Counter(each for folders in below.values() for each in folders)
    alike = sorted(each for each, count in counts.items() if count > 1)
    if len(alike) >= _SUB_FOLDERS_ALIKE:
        holders = [name for name in names if below[name] & set(alike)]
        return f"{some(holders)} contain folders of the same names ({some(alike, 5)})"
    return ""


def _question(
    root: Path,
    names: Sequence[str],
    meant: Mapping[str, str],
    reason: str,
    setting: Setting,
) -> DataError:
    found = _unambiguous_folders(meant)
    is_clear = "train" in found and len(found) == len(meant)
    why = reason or "no subfolder is named like a training set"
    if is_clear:
        pairs = ", ".join(f"{name} as {split}" for split, name in found.items())
        others = [name for name in names if name not in meant]
        rest = f" and skips {some(others)}" if others else ""
        as_splits = Suggestion("", {setting.layout: "splits"}, f"takes {pairs}{rest}.")
    else:
        as_splits = _manual_choice(root, meant, setting)
    classes = f"takes {some(names, 8)} as classes."
    return DataError(
        message(
            f"It must be clear whether the folders below `{setting.source}` are classes "
            f"or splits: {why}.",
            **{setting.source: str(root)},
        ),
        as_splits,
        Suggestion("", {setting.layout: "classes"}, classes),
    )


def _manual_choice(root: Path, meant: Mapping[str, str], setting: Setting) -> Suggestion:
    unclear = [name for name, split in meant.items() if split == UNCLEAR]
    doubled = [n for n, s in meant.items() if list(meant.values()).count(s) > 1]
    note = ""
    if unclear:
        note = f" (it is unclear which splits {some(unclear)} are)"
    elif doubled:
        note = f" ({some(doubled)} denote the same split)"
    rename = f"If they are splits, rename them to train, val and test{note}"
    if setting.source != "data.train":
        return Suggestion(f"{rename}.")
    named = {f"data.{split}": str(root / "FOLDER") for split in ("train", "test")}
    return Suggestion(f"{rename}, or name each:", named, ".")
