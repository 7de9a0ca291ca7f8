"""`model.json`: what an exported model is, for whatever runs it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError, message
from ..core.files import read_text, sha256_of_file, write_json_atomic
from ..data.files.pixel_rules import DEFAULT_RULES, PixelRules
from ..evaluation.calibration.scaling import Correction
from .portable.document import DESCRIPTION_FILE, VERSION

_MARK = "applied_in_graph"


@dataclass(frozen=True)
class Description:
    """What is known of an exported model.

    Args:
        name: Of the run.
        classes: In the order of the model's outputs.
        image_size: Height and width of the images that it takes, in pixels.
        decoding: How pixels are read from files.
        correction: Of its probabilities, or None.
        applied_in_graph: Whether the model applies the correction itself; a runtime that
            applied it once more would be wrong.
        decisions: Thresholds, prediction sets and warnings, from the run's evaluation
            (see `decisions.read_decisions`); all about uncorrected probabilities.
    """

    name: str
    classes: Sequence[str]
    image_size: int
    decoding: PixelRules = DEFAULT_RULES
    correction: Correction | None = None
    applied_in_graph: bool = False
    decisions: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What all formats have in common, ready for JSON."""
        correction = None if self.correction is None else self.correction.as_json()
        return {
            "version": VERSION,
            "name": self.name,
            "classes": list(self.classes),
            "image_size": self.image_size,
            "decoding": asdict(self.decoding),
            "input": "RGB from 0 to 255, float32, (images, height, width, 3)",
            "output": "a probability for each class, float32, (images, classes)",
            "correction": correction,
            _MARK: self.applied_in_graph,
            "decisions": dict(self.decisions),
        }


def write_description(file: Path, description: Description) -> None:
    """Writes `model.json` beside a file that was exported."""
    document = description.as_json() | {
        "format": "keras",
        "file": file.name,
        "files": {file.name: sha256_of_file(file)},
    }
    write_json_atomic(file.with_name(DESCRIPTION_FILE), document)


def require_own_place(file: Path) -> None:
    """Makes sure that an export takes the place of nothing but an earlier one.

    Raises:
        ConfigError: The file is there and no export, or `model.json` describes another.
    """
    beside = file.with_name(DESCRIPTION_FILE)
    described = _described_file(beside) if beside.exists() else None
    if described == file.name or not (file.exists() or beside.exists()):
        return
    taken = beside if beside.exists() else file
    raise ConfigError(
        message(
            f"An export needs a folder of its own, as {DESCRIPTION_FILE} beside it "
            f"describes it; {taken.name} is there already.",
            "Choose another place with --output, or move it away.",
            output=str(file),
        )
    )


def _described_file(path: Path) -> str | None:
    try:
        document = json.loads(read_text(path))
    except (OSError, ValueError):
        return None
    is_ours = isinstance(document, dict) and _MARK in document
    return document.get("file") if is_ours else None
