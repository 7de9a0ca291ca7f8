"""Describes the findings of an audit, and finds those that would spoil a run."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ...core.counted import counted
from ...core.names import some
from ...evaluation.label_doubts import caution
from ..copies.near_pairs import MAX_CROP, MIN_CORRELATION
from ..index.label_checks import alike_but_for_case, twins
from .audit import Audit, CopyGroups

_BY_HAND = "check them by hand: no setting drops near copies"
_LOOK_AT_LABELS = "check them by hand: either the label or the model may be wrong"
_ON_LEAKS = {
    "exact": "data.on_leak=drop removes byte-identical copies from training",
    "near": _BY_HAND,
}
_ON_CONFLICTS = {
    "exact": "data.on_conflict=drop removes byte-identical copies",
    "near": _BY_HAND,
}
_ON_DUPLICATES = {
    "exact": "byte-identical copies always stay in one split",
    "near": "data.check=full keeps them in one split",
}


@dataclass(frozen=True)
class Finding:
    """One finding of an audit.

    Attributes:
        text: The finding, as a sentence without a period.
        advice: What to do about it, if that is not obvious.
        spoils: Whether it would stop a run or make its scores wrong.
    """

    text: str
    advice: str = ""
    spoils: bool = field(default=False, kw_only=True)


def findings(audit: Audit) -> list[Finding]:
    """Returns all findings, first those that would spoil a run."""
    found = [
        *_bad_files(audit),
        *_copies(audit),
        *_class_lists(audit),
        *_labels(audit),
        *_oddities(audit),
    ]
    return sorted(found, key=lambda finding: not finding.spoils)


def spoils_a_run(audit: Audit) -> bool:
    """Returns whether a run on these folders would stop, or have wrong scores."""
    return any(finding.spoils for finding in findings(audit))


def conflicting_classes(audit: Audit) -> list[tuple[tuple[str, ...], int]]:
    """Returns the combinations `SPLIT/CLASS` that share images, by descending count."""
    counts = Counter(
        tuple(sorted({f"{audit.split_of(row)}/{audit.class_of(row)}" for row in rows}))
        for rows in audit.conflicts.exact
    )
    return counts.most_common()


def to_json(audit: Audit) -> dict[str, Any]:
    """Returns all findings as JSON values."""

    def by_path(rows: dict[int, str]) -> dict[str, str]:
        return {audit.paths[row]: text for row, text in rows.items()}

    def groups(copies: CopyGroups) -> dict[str, list[list[str]]]:
        return {
            "exact": [[audit.paths[row] for row in rows] for rows in copies.exact],
            "near": [[audit.paths[row] for row in rows] for rows in copies.near],
        }

    return {
        "files": len(audit.paths),
        "classes": audit.class_counts(),
        "unreadable": by_path(dict(audit.unreadable)),
        "duplicates": groups(audit.duplicates),
        "conflicts": groups(audit.conflicts),
        "leaks": groups(audit.leaks),
        "folders": {split: str(root) for split, root in audit.roots.items()},
        "imbalance": {name: round(each, 3) for name, each in audit.imbalance().items()},
        "mislabeled": by_path(audit.properties.mislabeled),
        "giants": by_path(audit.properties.giants()),
        "ignored": dict(audit.ignored),
        "sizes": sizes(audit),
        "formats": dict(audit.properties.formats.most_common()),
        "modes": dict(audit.properties.modes.most_common()),
        "orientations": {
            str(n): c for n, c in sorted(audit.properties.orientations.items())
        },
        "conflicting_classes": [
            {"filed_under": list(places), "groups": count}
            for places, count in conflicting_classes(audit)
        ],
        "spoils": [each.text for each in findings(audit) if each.spoils],
        "remarks": [each.text for each in findings(audit) if not each.spoils],
        "labels_judged": None
        if audit.labels_judged is None
        else asdict(audit.labels_judged),
        "near_copies": {"min_correlation": MIN_CORRELATION, "max_crop": MAX_CROP},
    }


def facts(audit: Audit) -> str:
    """Describes formats, modes and sizes in sentences."""
    properties = audit.properties
    sentences = [
        f"{what}: {', '.join(f'{n:,} {each}' for each, n in counts.most_common())}."
        for what, counts in (("Formats", properties.formats), ("Modes", properties.modes))
        if counts
    ]
    sentences += [
        f"{name.capitalize()} {low:,} to {high:,} pixels, median {median:,}."
        for name, (low, median, high) in sizes(audit).items()
    ]
    return " ".join(sentences)


def sizes(audit: Audit) -> dict[str, list[int]]:
    """Returns the smallest, median and largest width and height in pixels."""
    known = audit.properties.sizes[audit.properties.sizes.all(axis=1)]
    if not len(known):
        return {}
    quantiles = np.quantile(known, (0, 0.5, 1), axis=0, method="nearest").T.tolist()
    return dict(zip(("width", "height"), quantiles, strict=True))


def _advise_unless_classes_vanish(audit: Audit, rows: Iterable[int], advice: str) -> str:
    """Returns the advice, unless dropping the files would empty a class in training."""
    if "=drop" not in advice:
        return advice
    first = _training_split(audit)
    gone = Counter(audit.class_of(row) for row in rows if audit.split_of(row) == first)
    counts = audit.class_counts()[first]
    lost = [name for name, count in counts.items() if count and gone[name] == count]
    if not lost:
        return advice
    setting = advice.partition(" ")[0]
    return f"fix the folders: {setting} would remove all images of {some(lost)}"


def _training_split(audit: Audit) -> str:
    return "train" if "train" in audit.roots else next(iter(audit.roots))


def _bad_files(audit: Audit) -> Iterator[Finding]:
    if audit.unreadable:
        text = f"{_files(len(audit.unreadable))} can't be decoded"
        advice = "data.on_unreadable=drop excludes them"
        advice = _advise_unless_classes_vanish(audit, audit.unreadable, advice)
        yield Finding(text, advice, spoils=True)
    if audit.properties.mislabeled:
        count = _files(len(audit.properties.mislabeled))
        yield Finding(f"{count} whose format differs from their extension")
    if audit.unused_bits:
        yield Finding(audit.unused_bits.rstrip("."), spoils=True)
    for line in audit.remarks:
        yield Finding(line)
    if audit.ignored:
        kinds = ", ".join(f"{n} of {kind}" for kind, n in sorted(audit.ignored.items()))
        yield Finding(f"skipped because of their extensions: {kinds}")


def _copies(audit: Audit) -> Iterator[Finding]:
    for copies, spoils, what, advice in (
        (audit.leaks, True, "in more than one split", _ON_LEAKS),
        (audit.conflicts, True, "filed under more than one class", _ON_CONFLICTS),
        (audit.duplicates, False, "in all", _ON_DUPLICATES),
    ):
        for groups, kind in ((copies.exact, "exact"), (copies.near, "near")):
            if groups:
                count = f"{counted(len(groups), 'group')} of {kind} copies"
                rows = [row for each in groups for row in each]
                yield Finding(
                    f"{count} {what} ({_files(len(rows))})",
                    _advise_unless_classes_vanish(audit, rows, advice[kind]),
                    spoils=spoils,
                )


def _class_lists(audit: Audit) -> Iterator[Finding]:
    counts = audit.class_counts()
    first = _training_split(audit)
    wanted = set(counts[first])
    for split, classes in counts.items():
        empty = [name for name, count in classes.items() if not count]
        if empty:
            yield Finding(
                f"{split} has class folders without images: {some(empty)}", spoils=True
            )
        extra, missing = sorted(set(classes) - wanted), sorted(wanted - set(classes))
        if extra:
            yield Finding(
                f"{split} has classes that {first} lacks: {some(extra)}", spoils=True
            )
        if missing:
            text = f"{split} lacks classes that {first} has: {some(missing)}"
            yield Finding(text)
    for names in twins(audit.class_names):
        alike = ", ".join(map(ascii, names))
        yield Finding(
            f"classes that look the same or are the same number: {alike}", spoils=True
        )
    for names in alike_but_for_case(audit.class_names):
        text = f"classes that differ only in upper and lower case: {some(names)}"
        yield Finding(text, spoils=True)
    filled = [name for name, count in counts[first].items() if count]
    if len(filled) < 2:
        yield Finding(f"{first} has one class, but at least two are needed", spoils=True)
    single = [name for name in filled if counts[first][name] == 1]
    if single and "validation" not in counts:
        text = f"{first} has classes with a single image, which can't be held out"
        yield Finding(f"{text}: {some(single)}", spoils=True)


def _labels(audit: Audit) -> Iterator[Finding]:
    """Yields findings on doubtful labels, which spoil nothing: the model may be wrong."""
    found = audit.labels_judged
    if found is None:
        return
    count, known = len(found.in_doubt), set(map(os.path.abspath, audit.paths))
    yield Finding(
        f"{count:,} of {found.images:,} labels are in doubt, by {found.judged_by}",
        caution(count, found.images) or (_LOOK_AT_LABELS if count else ""),
    )
    gone = sum(each.file not in known for each in found.in_doubt)
    if gone:
        yield Finding(f"{_files(gone)} in doubt moved or deleted since they were judged")


def _oddities(audit: Audit) -> Iterator[Finding]:
    turned = sum(n for each, n in audit.properties.orientations.items() if each != 1)
    if turned:
        yield Finding(
            f"{_files(turned)} rotated by EXIF orientation, which Keras loaders ignore",
        )
    giants = audit.properties.giants()
    if giants:
        yield Finding(f"{_files(len(giants))} far larger than the others")
    others = {m: n for m, n in audit.properties.modes.items() if m != "RGB"}
    if others:
        kinds = ", ".join(f"{count} of mode {mode}" for mode, count in others.items())
        yield Finding(f"not stored as RGB, and converted: {kinds}")


def _files(count: int) -> str:
    return counted(count, "file")
