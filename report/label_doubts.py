"""Shows the images with the most doubtful labels."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from ..core.names import visible
from ..evaluation.evidence import Evidence, Labeled
from ..evaluation.finding import Finding, Panel, Table
from ..evaluation.label_doubts import (
    LabelDoubts,
    caution,
    doubtful_label,
    find_label_doubts,
)
from .subject import Subject

TITLE = "Doubtful labels"
EXPLANATION = (
    "A label is in doubt if another class is predicted with at least the mean probability "
    "of that class over its own images (confident learning, Northcutt et al., 2021). "
    "Images are ranked by the probability of their label. A doubt may also be a mistake of "
    "the model, especially of a weak one."
)
MOST_SHOWN = 24
_OF_FOLDS = (
    "with data.folds=5, the folds together judge every image, in label_doubts.csv of "
    "their directory"
)

LoadImages = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class DoubtfulLabels:
    """Compares the labels of validation images with the predictions of the model.

    Training images are not judged, because the model repeats their labels. If all folds
    were trained, `label_doubts.csv` in their directory judges every image.

    Args:
        most: Maximum number of listed images.
    """

    most: int = 100

    def explain(self, evidence: Evidence, subject: Subject) -> Finding:
        """Ranks the validation images, and shows the most doubtful labels."""
        validation = evidence.validation
        if validation is None or not len(validation):
            why = (
                "there are no validation images, and a model can't judge images that it "
                "was trained on"
            )
            gap = f"not measured: labels in doubt, because {why}; {_OF_FOLDS}"
            return Finding(TITLE, EXPLANATION, gaps=[gap])
        gap = (
            "not measured: labels of training images, because a model reproduces the "
            f"labels that it was trained on; {_OF_FOLDS}"
        )
        load = subject.validation.images
        return finding_of(validation, load, self.most, "validation images", [gap])


def finding_of(
    judged: Labeled,
    load_images: LoadImages,
    most: int,
    named: str,
    gaps: list[str] | None = None,
) -> Finding:
    """Returns the finding on doubtful labels, with images.

    Args:
        judged: Predictions of models that did not train on the images.
        load_images: Returns images by row.
        most: Maximum number of listed images.
        named: Description of the images, such as `"validation images"`.
        gaps: What was not judged.
    """
    doubts = find_label_doubts(judged.labels, judged.probabilities)
    listed = doubts.most_doubtful[:most]
    known = judged.predictions()
    entries = [asdict(doubtful_label(known, doubts, row)) for row in listed.tolist()]
    pairs = _pairs(judged, doubts)
    weak = caution(int(doubts.in_doubt.sum()), len(judged))
    values = {
        "judged": named,
        "images": len(judged),
        "in_doubt": int(doubts.in_doubt.sum()),
        "pairs": [dict(zip(_PAIR, pair, strict=True)) for pair in pairs],
        "most_doubtful": entries,
    }
    columns = ["file", "label", "its probability", "suggestion", "its probability"]
    tables = [
        Table(
            "Doubted labels and suggested classes",
            ["label", "suggestion", "images"],
            pairs,
        ),
        Table(
            "The most doubtful labels", columns, [list(each.values()) for each in entries]
        ),
    ]
    return Finding(
        TITLE,
        EXPLANATION,
        values,
        [_conclusion(judged, doubts, named)],
        [weak] if weak else [],
        gaps or [],
        tables if entries else [],
        panels=_panels(judged, doubts, load_images),
    )


_PAIR = ("label", "suggestion", "images")


def _conclusion(judged: Labeled, doubts: LabelDoubts, named: str) -> str:
    count = int(doubts.in_doubt.sum())
    text = f"Of {len(judged):,} {named}, {count:,} have a label in doubt."
    contradictory = int((doubts.in_doubt & judged.contradictory).sum())
    if contradictory:
        text += f" Of these, {contradictory:,} have a copy in another class."
    return text


def _pairs(judged: Labeled, doubts: LabelDoubts) -> list[tuple[str, str, int]]:
    """Counts pairs of label and suggestion of the labels in doubt, in descending order."""
    rows = doubts.most_doubtful
    counts = Counter(
        zip(judged.labels[rows].tolist(), doubts.suggested[rows].tolist(), strict=True)
    )
    names = judged.class_names
    return [(names[a], names[b], count) for (a, b), count in counts.most_common()]


def _panels(judged: Labeled, doubts: LabelDoubts, load_images: LoadImages) -> list[Panel]:
    rows = doubts.most_doubtful[:MOST_SHOWN]
    if not len(rows):
        return []
    known = judged.predictions()
    entries = [doubtful_label(known, doubts, row) for row in rows.tolist()]
    return [
        Panel(
            "Images whose labels are in doubt",
            [
                f"label {visible(each.label)} ({each.probability_of_label:.0%})",
                f"suggestion {visible(each.suggestion)} "
                f"({each.probability_of_suggestion:.0%})",
                visible(each.file.rpartition("/")[2]),
            ],
            pixels,
            row,
        )
        for each, pixels, row in zip(entries, load_images(rows), rows.tolist(), strict=True)
    ]
