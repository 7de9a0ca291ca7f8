"""An exported model that is opened: from the bytes of an image to an answer."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np

from ...data.files.decode import Pixels, decode
from ...data.files.pixel_rules import UndecodableError
from .answers import Answers, answers_of, describe
from .document import (
    DESCRIPTION_FILE,
    parse_document,
    read_model_document,
    read_model_files,
)
from .fields import ModelFileError, read_regular
from .runtimes import Images, Run, open_runtime

__all__ = ["DESCRIPTION_FILE", "Model", "ModelFileError"]

_MOST_BYTES = 2**31
Row = dict[str, Any]


class Model:
    """Decodes images and answers for them.

    Args:
        document: What `model.json` holds.
        run: Outputs `(images, classes)` for images `(images, height, width, 3)`, uint8.

    Attributes:
        document: What `model.json` holds.
        description: The same, checked.
        classes: In the order of the columns of probabilities.
        image_size: Height and width of the images that it takes, in pixels.
        run: What it is made with: outputs for images.
        warnings: What to know before the model is trusted; of the report on it.

    Raises:
        ModelFileError: The document is wrong.
    """

    def __init__(self, document: Mapping[str, Any], run: Run) -> None:
        self.document = document
        self.description = parse_document(document)
        self.classes = self.description.classes
        self.image_size = self.description.image_size
        self.warnings = self.description.decisions.warnings
        self.run = run

    @classmethod
    def open(cls, directory: str | os.PathLike[str]) -> Self:
        """Opens the directory of an export that is trusted: made by yourself, say.

        Raises:
            ModelFileError: A file of it is missing, or is not the one that was exported.
        """
        root = Path(directory)
        document = read_model_document(root)
        parse_document(document)
        files = read_model_files(root, document)
        return cls(document, open_runtime(files.format, files.file))

    def predict(
        self, files: Iterable[str | os.PathLike[str]], batch_size: int = 32
    ) -> Iterator[Row]:
        """Predicts the classes of image files, in their order.

        Args:
            files: Any number of them; they are read as the rows are asked for.
            batch_size: How many go through the model at a time.

        Yields:
            For each file a row that JSON can hold: `file`, and what `describe` says of it,
            or `error` with the reason why it can't be read.
        """
        names = (os.fspath(file) for file in files)
        while batch := list(islice(names, batch_size)):
            yield from self._predict(batch)

    def decode(self, content: bytes) -> Pixels:
        """Pixels `(size, size, 3)`, RGB, uint8, of the bytes of an image file.

        Raises:
            UndecodableError: They are no image that can be used; the message says why.
        """
        return decode(content, self.image_size, self.description.rules)

    def answers(self, images: Images) -> Answers:
        """Answers for images `(images, size, size, 3)`, RGB, uint8."""
        return answers_of(self.run(images), self.description.correction)

    def describe(self, answers: Answers) -> list[Row]:
        """What is said of each image: its class, probabilities and decisions.

        Returns:
            A row for each, ready for JSON; see `answers.describe`.
        """
        return describe(answers, self.description)

    def _predict(self, names: Sequence[str]) -> Iterator[Row]:
        read = [self._read(name) for name in names]
        images = [pixels for pixels in read if not isinstance(pixels, str)]
        rows = iter(self._rows(np.stack(images)) if images else [])
        for name, pixels in zip(names, read, strict=True):
            found = {"error": pixels} if isinstance(pixels, str) else next(rows)
            yield {"file": name, **found}

    def _read(self, name: str) -> Pixels | str:
        """The pixels of a file, or the reason why there are none."""
        try:
            return self.decode(read_regular(Path(name), _MOST_BYTES))
        except OSError as error:
            return error.strerror or str(error)
        except UndecodableError as error:
            return str(error)

    def _rows(self, images: Images) -> list[Row]:
        answers = self.answers(images)
        finite = [bool(row.all()) for row in np.isfinite(answers.probabilities)]
        if all(finite):
            return self.describe(answers)
        no_answer = {"error": "the model's outputs are no finite numbers"}
        return [
            row if is_finite else no_answer
            for row, is_finite in zip(self.describe(answers), finite, strict=True)
        ]
