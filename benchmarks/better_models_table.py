"""The table of `better_models.py`: scores, intervals, differences, verdicts.

The score of a cell is balanced accuracy: the share of trainings that classify an image
correctly, averaged over the images of each class, then over classes. Intervals (95%) are
those of `keraunos.evaluation.statistics`: a bootstrap of 1,000 draws, stratified by class.
A difference is that of two cells on the same images in the same seeds and folds, with its
interval from the same draws; p-values are Holm-corrected for the number of comparisons. The
intervals account for the choice of images but hardly for that of seeds: hence the range
over seeds next to them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from better_models_cells import Cell
from better_models_results import Results
from keraunos.evaluation.statistics.differences import holm
from keraunos.evaluation.statistics.intervals import bootstrap
from scipy import special

Floats = npt.NDArray[np.float64]
Lines = dict[tuple[int, int | None], dict[str, Any]]  # by seed and fold
SPLITS = {"validation": "grouped folds", "test": "Test"}
WIDTH_OF_NORMAL = 2 * float(special.ndtri(0.975))


class Estimate(NamedTuple):
    """A score or a difference, with its 95% interval."""

    value: float
    low: float
    high: float

    @property
    def p_value(self) -> float:
        """The two-sided p-value of the null hypothesis that the difference is 0."""
        deviation = max((self.high - self.low) / WIDTH_OF_NORMAL, 1e-12)
        return float(2 * special.ndtr(-abs(self.value) / deviation))

    def shown(self, sign: str = "") -> str:
        """Formats the value and its interval."""
        low, high = (f"{end:{sign}.3f}" for end in (self.low, self.high))
        return f"{self.value:{sign}.3f} [{low}, {high}]"


def print_table(
    cells: Mapping[str, Cell], keys: Sequence[Mapping[str, Any]], results: Results
) -> dict[str, Any]:
    """Prints the table in Markdown, and the conclusions.

    Args:
        cells: All cells by name.
        keys: The keys of all trainings.
        results: The finished trainings.

    Returns:
        Scores by cell, as JSON values.
    """
    planned = {name: [key for key in keys if key["cell"] == name] for name in cells}
    done = {
        name: {(k["seed"], k["fold"]): results[k] for k in planned[name] if k in results}
        for name in cells
    }
    print("\n| Cell | Trainings | Grouped folds | Test | CPU s each |")
    print("| --- | --- | --- | --- | --- |")
    summary = {}
    for name, cell in cells.items():
        count = f"{len(done[name])} of {len(planned[name])}"
        if not done[name]:
            print(f"| {name} | {count} | was not run | was not run | |")
            continue
        summary[name] = _summary(cell, done[name])
        print(f"| {name} | {count} | {' | '.join(_cells(summary[name]))} |")
    print()
    for sentence in conclusions(cells, done):
        print(f"- {sentence}")
    return summary


def score(lines: Lines, split: str, other: Lines | None = None) -> Estimate | None:
    """Computes the balanced accuracy of a cell, or its difference from another cell.

    Args:
        lines: The results of the cell.
        split: `validation` or `test`.
        other: The results of the cell to subtract; only common trainings are used.

    Returns:
        The estimate, or None if there are no predictions.
    """
    both = [key for key in lines if split in lines[key] and (other is None or key in other)]
    found = [lines[key][split] for key in both]
    if not found:
        return None
    right = [_right(each) for each in found]
    if other is not None:
        beside = [
            _right(other[key][split], each) for key, each in zip(both, found, strict=True)
        ]
        right = [one - two for one, two in zip(right, beside, strict=True)]
    images = np.concatenate([each["images"] for each in found])
    _, first, place = np.unique(images, return_index=True, return_inverse=True)
    shares = np.bincount(place, weights=np.concatenate(right)) / np.bincount(place)
    labels = np.concatenate([each["labels"] for each in found])[first]
    classes = labels[:, np.newaxis] == np.unique(labels)

    def balanced(weights: Floats) -> dict[str, Floats]:
        sums = (weights * shares) @ classes
        return {"value": (sums / (weights @ classes)).mean(axis=1)}

    whole = balanced(np.ones((1, len(labels))))["value"][0]
    return Estimate(float(whole), *bootstrap(labels, balanced)["value"])


def conclusions(cells: Mapping[str, Cell], done: Mapping[str, Lines]) -> list[str]:
    """Returns a sentence for each comparison, with a verdict."""
    compared = [
        (name, base, split, difference)
        for name, cell in cells.items()
        for base in cell.against
        for split in SPLITS
        if (difference := score(done[name], split, done.get(base, {}))) is not None
    ]
    corrected = holm([each.p_value for *_, each in compared])
    return [
        f"{name} against {base}, {SPLITS[split]}: {each.shown('+')}, {_verdict(each, p)}."
        for (name, base, split, each), p in zip(compared, corrected, strict=True)
    ]


def _verdict(difference: Estimate, p_value: float) -> str:
    if p_value >= 0.05:
        return f"no difference shown (p = {p_value:.2g} after Holm)"
    verdict = "it helps" if difference.value > 0 else "it harms"
    return f"{verdict} (p = {p_value:.2g} after Holm)"


def _right(line: Mapping[str, Any], images_of: Mapping[str, Any] | None = None) -> Floats:
    """Returns `(images,)` whether each prediction is right; checks the order of images."""
    right = np.equal(line["labels"], line["predicted"]).astype(float)
    if images_of is None or images_of["images"] == line["images"]:
        return right
    raise SystemExit(
        "Two cells have different images in the same fold: were the images changed "
        "between them? Start over with another file."
    )


def _summary(cell: Cell, lines: Lines) -> dict[str, Any]:
    found = {split: score(lines, split) for split in SPLITS}
    by_seed = {
        seed: {key: line for key, line in lines.items() if key[0] == seed}
        for seed in sorted({seed for seed, _ in lines})
    }
    return {
        "group": cell.group,
        "trainings": len(lines),
        **{split: each and list(each) for split, each in found.items()},
        "by_seed": {
            split: [
                found.value for each in by_seed.values() if (found := score(each, split))
            ]
            for split in SPLITS
        },
        "cpu_seconds": float(np.mean([line["cpu_seconds"] for line in lines.values()])),
    }


def _cells(row: Mapping[str, Any]) -> list[str]:
    shown = []
    for split in SPLITS:
        seeds = row["by_seed"][split]
        spread = f", seeds {min(seeds):.3f} to {max(seeds):.3f}" if len(seeds) > 1 else ""
        shown.append(
            f"{Estimate(*row[split]).shown()}{spread}" if seeds else "not measured"
        )
    return [*shown, f"{row['cpu_seconds']:.0f}"]
