"""Reports made by hand, and what a page shows of them."""

from html.parser import HTMLParser

import numpy as np
from keraunos.evaluation.evidence import as_labeled
from keraunos.evaluation.finding import Finding, Panel, Table
from keraunos.evaluation.predictions import Predictions
from keraunos.report.facts import RunFacts
from keraunos.report.run_report import RunReport
from matplotlib.figure import Figure

CLASSES = ["melanoma", "nevus", "angioma"]
SETTINGS = {
    "seed": 7,
    "data": {"train": "/photographs", "image_size": 64, "validation_split": 0.2},
    "model": {"backbone": "ResNet50", "weights": "imagenet", "builder": None},
}


class Page(HTMLParser):
    """Collects what a page shows, and fails on tags that are not closed.

    Attributes:
        tags: Name and attributes of each element, in order.
        words: Its text, without that of its program and style.
        data: The text of its elements `script`.
    """

    VOID = frozenset({"meta", "img", "br", "link", "input"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words, self.data = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            self.data.append(data)
        elif self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def predictions(labels=(0, 0, 0, 1, 1, 1, 1), taken=(0, 1, 0, 1, 1, 0, 1), names=None):
    """Predictions for 7 images, 2 of them wrong; no image of the third class."""
    rows = np.full((len(labels), len(CLASSES)), 0.1, np.float32)
    rows[np.arange(len(labels)), list(taken)] = 0.8
    files = names or [f"/photographs/test/{n}.jpg" for n in range(len(labels))]
    return Predictions(files, rows, CLASSES, np.array(labels, np.int32))


def load_images(rows):
    return np.stack([np.full((64, 64, 3), 20 * row, np.uint8) for row in rows])


def figure(label="confidence"):
    drawn = Figure(figsize=(3, 2))
    axes = drawn.subplots()
    axes.plot([0, 1], [0, 1])
    axes.set_xlabel(label, parse_math=False)
    return drawn


def finding(title="Calibration", figures=None):
    """A possible finding of a part; drawing takes most of a page's time."""
    return Finding(
        title,
        "Whether probabilities mean what they say.",
        {"error": 0.125},
        ["The error is 0.125."],
        ["Too sure of itself."],
        ["not measured: vector scaling, because there are too few images"],
        [Table("Errors", ["bins", "error"], [[15, 0.125], [None, 2]])],
        figures or {},
        [Panel("missed", ["melanoma", "taken for nevus"], load_images([3])[0], 3)],
    )


def facts(**values):
    made = {
        "name": "lesions-001",
        "settings": SETTINGS,
        "class_names": CLASSES,
        "counts": {
            "test": {"melanoma": 3, "nevus": 4},
            "train": {"melanoma": 20, "nevus": 30, "angioma": 5},
        },
        "environment": {"command": ["keraunos", "fit", "lesions.yaml"], "python": "3.12"},
    }
    return RunFacts(**(made | values))


def report(contradictory=(), made=None, **values):
    """A report with every possible part; `values` replace parts of it."""
    made = made or predictions()
    where = np.zeros(len(made.labels), bool)
    where[list(contradictory)] = True
    scores = made.scores()
    if where.any():
        scores |= {
            "contradictory_images": int(where.sum()),
            "without_contradictory_images": made.scores(~where),
        }
    parts = {
        "facts": facts(),
        "scores": scores,
        "test": as_labeled(made, where),
        "findings": {"calibration": finding()},
        "load_images": load_images,
    }
    return RunReport(**(parts | values))
