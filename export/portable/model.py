"""An opened exported model, which predicts from the bytes of images."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

_MAX_BYTES = 2**31
Row = dict[str, Any]
_Describe = Callable[[Answers], list[Row]]


class _Read(NamedTuple):
    """The pixels of a file and its cells by column."""

    pixels: Pixels
    cells: dict[str, str]


class Model:
    """Decodes images and predicts their classes.

    Args:
        document: The content of `model.json`.
        run: Computes outputs, `(images, classes)`, for images, `(images, height, width, 3)`
            uint8, or for a dict of images and columns, see `inputs_for`.

    Attributes:
        document: The content of `model.json`.
        description: The parsed content.
        classes: Class names, in the order of the probabilities.
        image_size: Height and width of its images in pixels.
        columns: Table columns that the model takes, or None.
        run: Computes outputs for images.
        warnings: Warnings of the report about the model.

    Raises:
        ModelFileError: The document is invalid.
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
        """Opens the directory of a trusted export, such as one of your own.

        Raises:
            ModelFileError: A file is missing or was changed.
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
            files: Any number of image files; they are read as rows are requested.
            batch_size: Number of images per call of the model.
            cells: Table cells of each file by column, such as `{"age": 55, "sex": "male"}`;
                None or an empty text if missing. Required if the model takes columns.

        Yields:
            For each file, a row of JSON values: `file`, and the result of `describe`, or
            `error` with the reason why it can't be used.

        Raises:
            ModelFileError: The model takes columns, but `cells` is None.
        """
        if self.columns is not None and cells is None:
            raise needs_cells(self.columns)
        beside = repeat({}) if cells is None else cells
        yield from self.predict_rows(zip(files, beside, strict=False), batch_size)

    def predict_rows(
        self,
        rows: Iterable[ImageRow],
        batch_size: int = 32,
        describe: _Describe | None = None,
    ) -> Iterator[Row]:
        """Predicts the classes of image files; see `predict`.

        Args:
            rows: Pairs of a file and its table cells.
            batch_size: Number of images per call of the model.
            describe: Converts answers to rows, in place of `Model.describe`.
        """
        pairs = ((os.fspath(file), cells) for file, cells in rows)
        while batch := list(islice(pairs, batch_size)):
            yield from self._predict(batch, describe or self.describe)

    def decode(self, content: bytes) -> Pixels:
        """Decodes the bytes of an image file to RGB pixels, `(size, size, 3)` uint8.

        Raises:
            UndecodableError: The image can't be used; explains why.
        """
        return decode(content, self.image_size, self.description.rules)

    def answers(
        self, images: Images, cells: Mapping[str, Sequence[str]] | None = None
    ) -> Answers:
        """Computes the predictions for images.

        Args:
            images: RGB images, `(images, size, size, 3)` uint8.
            cells: Table cells of each image by column, as text, if the model takes columns;
                empty if missing.

        Raises:
            ValueError: A column is missing, or a cell of a number column is not a number.
        """
        inputs: Any = images
        if self.columns is not None:
            format = self.document.get("format")
            inputs = inputs_for(format, self.columns, images, _all(self.columns, cells))
        return answers_of(self.run(inputs), self.description.correction)

    def describe(self, answers: Answers) -> list[Row]:
        """Converts predictions to rows with class, probabilities and decisions.

        Returns:
            A row of JSON values per image; see `answers.describe`.
        """
        return describe(answers, self.description)

    def _predict(
        self, batch: Sequence[tuple[str, Mapping[str, Any]]], describe: _Describe
    ) -> Iterator[Row]:
        read = [self._read(*each) for each in batch]
        usable = [each for each in read if not isinstance(each, str)]
        rows = iter(self._rows(usable, describe) if usable else [])
        for (name, _), each in zip(batch, read, strict=True):
            found = {"error": each} if isinstance(each, str) else next(rows)
            yield {"file": name, **found}

    def _read(self, name: str, row: Mapping[str, Any]) -> "_Read | str":
        """Reads a file and its cells; returns the reason if they can't be used."""
        try:
            cells = checked_cells(self.columns, row)
            return _Read(self.decode(read_regular(Path(name), _MAX_BYTES)), cells)
        except OSError as error:
            return error.strerror or str(error)
        except (UndecodableError, CellsError) as error:
            return str(error)

    def _rows(self, read: "Sequence[_Read]", describe: _Describe) -> list[Row]:
        cells = columns_from([each.cells for each in read])
        answers = self.answers(np.stack([each.pixels for each in read]), cells)
        finite = [bool(row.all()) for row in np.isfinite(answers.probabilities)]
        if all(finite):
            return describe(answers)
        no_answer = {"error": "the model's outputs are not finite"}
        return [
            row if is_finite else no_answer
            for row, is_finite in zip(describe(answers), finite, strict=True)
        ]


def _all(
    features: TableFeatures, cells: Mapping[str, Sequence[str]] | None
) -> Mapping[str, Sequence[str]]:
    given = cells or {}
    missing = [name for name in features.names if name not in given]
    if missing:
        raise ValueError(f"the model also takes the columns {', '.join(missing)}")
    return given
