"""Handles images that would spoil a run: unreadable, contradictory or leaked."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...configs.choices import Policy, UnreadablePolicy
from ...core.counted import counted
from ...core.errors import DataError
from ...core.names import printable, some
from ...core.suggestion import Suggestion
from ..copies.groups import Groups, Mask, any_within, copy_groups
from .image_index import SEPARATOR, TEST, TRAIN, ImageIndex

_SHOWN = 5


@dataclass(frozen=True)
class Policies:
    """Policies for each kind of fault.

    Attributes:
        on_unreadable: Policy for files that can't be decoded.
        on_conflict: Policy for images with copies in another class. `"drop"` removes all
            copies from training and validation; a given test set stays complete, and its
            scores are reported with and without them.
        on_leak: Policy for training images that are also in a given validation or test
            set. `"drop"` removes the copy in training.
        look_for_leaks: Whether to look for leaks.
    """

    on_unreadable: UnreadablePolicy = "error"
    on_conflict: Policy = "error"
    on_leak: Policy = "error"
    look_for_leaks: bool = True


@dataclass(frozen=True)
class Fault:
    """One kind of fault, with the affected files.

    Attributes:
        setting: Name of the policy, such as `"on_leak"`.
        describe: Returns the start of a sentence about a number of images.
        found: `(rows,)` bool, the affected files.
        droppable: `(rows,)` bool, the files that `"drop"` removes.
        explain: Returns what is wrong with a row.
    """

    setting: str
    describe: Callable[[int], str]
    found: Mask
    droppable: Mask
    explain: Callable[[int], str]


@dataclass(frozen=True)
class Dropped:
    """A file that was left out.

    Attributes:
        path: Path of the file.
        policy: The setting that left it out, such as `"on_conflict"`.
        reason: What is wrong with it.
        target: Its class, labels or numbers.
    """

    path: str
    policy: str
    reason: str
    target: str = ""


def describe_dropped(
    dropped: Iterable[Dropped], class_names: Collection[str] | None = None
) -> str:
    """Describes how many images were dropped, and why.

    Args:
        dropped: All dropped files.
        class_names: The classes, or labels, to name; by default all images are counted.

    Returns:
        A sentence; empty if no image of these was dropped.

    Example:
        >>> dropped = [Dropped("a.jpg", "on_unreadable", "it is empty", "cat")]
        >>> describe_dropped(dropped, ["cat", "dog"])
        'Images were dropped before: 1 of cat by data.on_unreadable.'
    """
    counts: Counter[tuple[str, str]] = Counter()
    for each in dropped:
        counts.update((of, each.policy) for of in _class_suffixes(each.target, class_names))
    parts = [f"{n:,}{of} by data.{policy}" for (of, policy), n in counts.items()]
    return f"Images were dropped before: {some(parts)}." if parts else ""


def _class_suffixes(target: str, class_names: Collection[str] | None) -> list[str]:
    """Returns ` of CLASS` for each of the classes of a target."""
    if class_names is None:
        return [""]
    names = [target] if target in class_names else target.split(SEPARATOR)
    return [f" of {name}" for name in names if name in class_names]


def apply_policies(
    index: ImageIndex, problems: Mapping[int, str], policies: Policies
) -> tuple[ImageIndex, list[Dropped], list[str]]:
    """Applies policies to faulty files.

    Args:
        index: All files.
        problems: By row, why a file can't be decoded.
        policies: The policies.

    Returns:
        The remaining rows, the dropped files, and a remark on each fault.

    Raises:
        DataError: There are faults whose policy is `"error"`; all are listed.
    """
    faults = [
        fault
        for fault in _find_faults(index, problems)
        if fault.found.any() and (policies.look_for_leaks or fault.setting != "on_leak")
    ]
    _raise_for(
        index, [each for each in faults if getattr(policies, each.setting) == "error"]
    )
    dropped: dict[int, Dropped] = {}
    for fault in faults:
        if getattr(policies, fault.setting) == "drop":
            for row in map(int, np.flatnonzero(fault.droppable)):
                reason = fault.explain(row)
                path, target = index.paths[row], index.describe_target(row)
                dropped.setdefault(row, Dropped(path, fault.setting, reason, target))
    keep = np.ones(len(index), bool)
    keep[list(dropped)] = False
    lines = [_summary(fault, getattr(policies, fault.setting)) for fault in faults]
    return index.where(keep), list(dropped.values()), lines


def _find_faults(index: ImageIndex, problems: Mapping[int, str]) -> list[Fault]:
    unreadable = np.zeros(len(index), bool)
    unreadable[list(problems)] = True
    groups = copy_groups(index.digests)
    conflict = index.contradictory & ~unreadable
    held_out = (index.splits != TRAIN) & ~unreadable
    leak = (index.splits == TRAIN) & ~unreadable & any_within(groups, held_out)
    other = _Counterparts(index, groups)
    return [
        Fault(
            "on_unreadable",
            lambda count: f"{counted(count, 'image')} can't be decoded",
            unreadable,
            unreadable,
            lambda row: problems[row],
        ),
        Fault(
            "on_conflict",
            _describe_count("image", "filed under two classes"),
            conflict,
            conflict & (index.splits != TEST),
            lambda row: f"the same image as {other.of(row, index.labels)}",
        ),
        Fault(
            "on_leak",
            _describe_count("training image", "also held out for validation or test"),
            leak,
            leak,
            lambda row: f"the same image as {other.of(row, index.splits)}",
        ),
    ]


class _Counterparts:
    """Finds the copy that a file contradicts."""

    def __init__(self, index: ImageIndex, groups: Groups) -> None:
        self._index = index
        self._groups = groups

    def of(self, row: int, values: npt.NDArray[np.integer]) -> str:
        group = np.flatnonzero(self._groups == self._groups[row])
        return str(self._index.paths[group[values[group] != values[row]][0]])


def _summary(fault: Fault, policy: str) -> str:
    count = int(fault.found.sum())
    line = fault.describe(count)
    if policy == "keep":
        return f"{line}: kept (data.{fault.setting}=keep)"
    left_out = int(fault.droppable.sum())
    if left_out == count:
        return f"{line}: left out"
    return f"{line}: {left_out:,} left out, {count - left_out:,} kept for the test"


def _describe_count(noun: str, what: str) -> Callable[[int], str]:
    """Returns a function that describes a number of images."""
    return lambda count: f"{counted(count, noun)} {'is' if count == 1 else 'are'} {what}"


def _raise_for(index: ImageIndex, faults: list[Fault]) -> None:
    if not faults:
        return
    lines: list[str] = []
    for fault in faults:
        rows = np.flatnonzero(fault.found)
        lines.append(f"{fault.describe(len(rows))}:")
        lines += [
            f"  {printable(index.paths[row])}: {printable(fault.explain(row))}"
            for row in rows[:_SHOWN]
        ]
        if len(rows) > _SHOWN:
            lines.append(f"  and {len(rows) - _SHOWN} more")
    raise DataError("\n".join(lines), _advice(index, faults))


def _advice(index: ImageIndex, faults: list[Fault]) -> Suggestion:
    """Suggests settings, unless too few images would remain."""
    settings = {f"data.{fault.setting}": "drop" for fault in faults}
    left_out = np.any([fault.droppable for fault in faults], axis=0)
    lost = classes_lost(index, left_out)
    present = int(np.count_nonzero(index.class_counts(TRAIN)))
    if lost and present - len(lost) < 2:
        rest = "would leave fewer than two classes."
        return Suggestion("Fix the folders:", settings, rest)
    if lost:
        rest = f"would remove all training images of {some(lost)}."
        return Suggestion("Fix the folders:", settings, rest)
    return Suggestion("Fix the folders, or drop these images:", settings)


def classes_lost(index: ImageIndex, left_out: Mask) -> list[str]:
    """Returns the classes that would lose all their training images."""
    before = index.class_counts(TRAIN)
    after = index.where(~left_out).class_counts(TRAIN)
    return [index.class_names[each] for each in np.flatnonzero((before > 0) & (after == 0))]
