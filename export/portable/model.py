"""An exported model that is opened: from the bytes of an image to an answer."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from ...data.files.decode import Pixels, decode
from ...data.files.pixel_rules import PixelRules
from .answers import Answers, answers_of
from .runtimes import Images, Run, open_runtime

DESCRIPTION_FILE = "model.json"


class Model:
    """Decodes images and answers for them.

    Args:
        document: What `model.json` holds.
        run: Outputs `(images, classes)` for images `(images, height, width, 3)`, uint8.
    """

    def __init__(self, document: Mapping[str, Any], run: Run) -> None:
        self.document = document
        self.classes = tuple(document["classes"])
        self.image_size = int(document["image_size"])
        self._rules = PixelRules(**document["decoding"])
        self._run = run

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Opens the directory of an export.

        Raises:
            ValueError: A file of it is missing or is not the one that was exported.
        """
        document = json.loads((directory / DESCRIPTION_FILE).read_text("utf-8"))
        for name, digest in document["files"].items():
            found = hashlib.sha256((directory / name).read_bytes()).hexdigest()
            if found != digest:
                raise ValueError(f"{directory / name} is not the file that was exported")
        return cls(document, open_runtime(document["format"], directory / document["file"]))

    def decode(self, content: bytes) -> Pixels:
        """Pixels `(size, size, 3)`, RGB, uint8, of the bytes of an image file.

        Raises:
            UndecodableError: They are no image that can be used; the message says why.
        """
        return decode(content, self.image_size, self._rules)

    def answers(self, images: Images) -> Answers:
        """Answers for images `(images, size, size, 3)`, RGB, uint8."""
        return answers_of(self._run(images), self.document)
