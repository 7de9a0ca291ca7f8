"""An exported model that is opened: from the bytes of an image to an answer."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, repeat
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from ...core.table_features import TableFeatures
from ...data.files.decode import Pixels, decode
from ...data.files.pixel_rules import UndecodableError
from .answers import Answers, answers_of, describe
from .columns import inputs_for
from .document import (
    DESCRIPTION_FILE,
    parse_document,
    read_model_document,
    read_model_files,
)
from .fields import ModelFileError, read_regular
from .rows import CellsError, ImageRow, checked_cells, columns_from, needs_cells
from .runtimes import Images, Run, open_runtime

__all__ = ["DESCRIPTION_FILE", "Model", "ModelFileError"]

_MOST_BYTES = 2**31
Row = dict[str, Any]


class _Read(NamedTuple):
    """A file that was read, and its cells by column."""

    pixels: Pixels
    cells: dict[str, str]


class Model:
    """Decodes images and answers for them.

    Args:
        document: What `model.json` holds.
        run: Outputs `(images, classes)` for images `(images, height, width, 3)`, uint8;
            or for a dict of these and of columns of a table, see `inputs_for`.

    Attributes:
        document: What `model.json` holds.
        description: The same, checked.
        classes: In the order of the columns of probabilities.
        image_size: Height and width of the images that it takes, in pixels.
        columns: Those of a table that it takes beside the image; None if it takes none.
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
        self.columns = self.description.columns
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
        self,
        files: Iterable[str | os.PathLike[str]],
        batch_size: int = 32,
        cells: Iterable[Mapping[str, Any]] | None = None,
    ) -> Iterator[Row]:
        """Predicts the classes of image files, in their order.

        Args:
            files: Any number of them; they are read as the rows are requested.
            batch_size: How many go through the model at a time.
            cells: For each file what a table says of it, by column, such as `{"age": 55,
                "sex": "male"}`; None or an empty text for no value. Needed where the model
                takes columns.

        Yields:
            For each file a row that JSON can hold: `file`, and what `describe` says of it,
            or `error` with the reason why it can't be used.

        Raises:
            ModelFileError: The model takes columns, and there are no cells.
        """
        if self.columns is not None and cells is None:
            raise needs_cells(self.columns)
        beside = repeat({}) if cells is None else cells
        yield from self.predict_rows(zip(files, beside, strict=False), batch_size)

    def predict_rows(self, rows: Iterable[ImageRow], batch_size: int = 32) -> Iterator[Row]:
        """Predicts the classes of image files; see `predict`.

        Args:
            rows: Pairs of a file and of what a table says of it.
            batch_size: How many go through the model at a time.
        """
        pairs = ((os.fspath(file), cells) for file, cells in rows)
        while batch := list(islice(pairs, batch_size)):
            yield from self._predict(batch)

    def decode(self, content: bytes) -> Pixels:
        """Pixels `(size, size, 3)`, RGB, uint8, of the bytes of an image file.

        Raises:
            UndecodableError: They are no image that can be used; the message says why.
        """
        return decode(content, self.image_size, self.description.rules)

    def answers(
        self, images: Images, cells: Mapping[str, Sequence[str]] | None = None
    ) -> Answers:
        """Answers for images.

        Args:
            images: `(images, size, size, 3)`, RGB, uint8.
            cells: By column a text for each image, where the model takes columns; empty
                for no value.

        Raises:
            ValueError: A column is missing, or has text where the model takes numbers.
        """
        inputs: Any = images
        if self.columns is not None:
            format = self.document.get("format")
            inputs = inputs_for(format, self.columns, images, _all(self.columns, cells))
        return answers_of(self.run(inputs), self.description.correction)

    def describe(self, answers: Answers) -> list[Row]:
        """What is said of each image: its class, probabilities and decisions.

        Returns:
            A row for each, ready for JSON; see `answers.describe`.
        """
        return describe(answers, self.description)

    def _predict(self, batch: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[Row]:
        read = [self._read(*each) for each in batch]
        usable = [each for each in read if not isinstance(each, str)]
        rows = iter(self._rows(usable) if usable else [])
        for (name, _), each in zip(batch, read, strict=True):
            found = {"error": each} if isinstance(each, str) else next(rows)
            yield {"file": name, **found}

    def _read(self, name: str, row: Mapping[str, Any]) -> "_Read | str":
        """The pixels of a file and its cells, or the reason why there are none."""
        try:
            cells = checked_cells(self.columns, row)
            return _Read(self.decode(read_regular(Path(name), _MOST_BYTES)), cells)
        except OSError as error:
            return error.strerror or str(error)
        except (UndecodableError, CellsError) as error:
            return str(error)

    def _rows(self, read: "Sequence[_Read]") -> list[Row]:
        cells = columns_from([each.cells for each in read])
        answers = self.answers(np.stack([each.pixels for each in read]), cells)
        finite = [bool(row.all()) for row in np.isfinite(answers.probabilities)]
        if all(finite):
            return self.describe(answers)
        no_answer = {"error": "the model's outputs are not finite numbers"}
        return [
            row if is_finite else no_answer
            for row, is_finite in zip(self.describe(answers), finite, strict=True)
        ]


def _all(
    features: TableFeatures, cells: Mapping[str, Sequence[str]] | None
) -> Mapping[str, Sequence[str]]:
    given = cells or {}
    missing = [name for name in features.names if name not in given]
    if missing:
        raise ValueError(f"the model takes the columns {', '.join(missing)}, too")
    return given
