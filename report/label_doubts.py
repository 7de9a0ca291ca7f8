"""Shows the images whose labels are most doubtful."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from ..core.names import visible
from ..evaluation.evidence import Evidence, Labelled
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
    "A label is in doubt where another class is predicted with at least the average "
    "probability of images of that class (confident learning, Northcutt et al., 2021). "
    "Images are ranked by the probability of their label. A doubt is a question, not an "
    "answer: the model may be wrong, and a weak one often is."
)
MOST_SHOWN = 24
_OF_FOLDS = (
    "the folds of data.folds=5 together judge every image, in label_doubts.csv of their "
    "directory"
)

LoadImages = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class DoubtfulLabels:
    """Holds labels of validation images against what the model predicts for them.

    Images that the model trained on are not judged: it repeats their labels. Where all
    folds were trained, `label_doubts.csv` in their directory judges every image.

    Args:
        most: Images listed, at most.
    """

    most: int = 100

    def explain(self, evidence: Evidence, subject: Subject) -> Finding:
        """Ranks the validation images, and shows the most doubtful."""
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
    judged: Labelled,
    load_images: LoadImages,
    most: int,
    named: str,
    gaps: list[str] | None = None,
) -> Finding:
    """What there is to say of doubtful labels, with images.

    Args:
        judged: Predictions of models that did not train on the images.
        load_images: Returns images by their row.
        most: Images listed, at most.
        named: Which images these are: `"validation images"`.
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
    columns = ["file", "label", "probability of label", "suggestion", "probability of it"]
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


def _conclusion(judged: Labelled, doubts: LabelDoubts, named: str) -> str:
    count = int(doubts.in_doubt.sum())
    text = f"Of {len(judged):,} {named} {count:,} have a label in doubt."
    contradictory = int((doubts.in_doubt & judged.contradictory).sum())
    if contradictory:
        text += f" Of these, {contradictory:,} have a copy filed under another class."
    return text


def _pairs(judged: Labelled, doubts: LabelDoubts) -> list[tuple[str, str, int]]:
    """Labels and suggestions of the images in doubt, the commonest first."""
    rows = doubts.most_doubtful
    counts = Counter(
        zip(judged.labels[rows].tolist(), doubts.suggested[rows].tolist(), strict=True)
    )
    names = judged.class_names
    return [(names[a], names[b], count) for (a, b), count in counts.most_common()]


def _panels(judged: Labelled, doubts: LabelDoubts, load_images: LoadImages) -> list[Panel]:
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
