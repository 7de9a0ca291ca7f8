"""Lists the images named by arguments: files, folders, tables, standard input."""

import os
import select
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ...configs.choices import FindImagesBy
from ...core.errors import ConfigError, DataError, message
from ..files.record_files import SUFFIX, is_image_file, record_library, record_of
from ..index.folders import require_folder
from ..index.scan import wanted_images
from .folder_images import FoundImage, images_below, images_in_record_file
from .image_table import ImageTable

STANDARD_INPUT = "-"

_BLOCK = 1 << 16
_SECONDS_BETWEEN_LOOKS = 0.2  # between checks whether to stop while input is idle


class ImageName(NamedTuple):
    """An image, or an entry that can't be read.

    Attributes:
        name: See `FoundImage`.
        problem: See `FoundImage`.
        argument: Position of the argument that it comes from.
        number: Its number among the images of that argument, counted from 1.
        cells: See `FoundImage`.
    """

    name: str
    problem: str = ""
    argument: int = 0
    number: int = 1
    cells: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageNames:
    """The images that arguments name, in order.

    Args:
        arguments: Files, folders, record files or tables; `-` reads names from standard
            input.
        by: How images in folders are recognized.
        separator: Separator of names in standard input; empty names are skipped.
        is_stopped: Returns whether to stop waiting for standard input.
        input: File descriptor of standard input.
        tables: The tables among the arguments, by path.

    Example:
        >>> list(ImageNames(["a.png"]).after(ImageName("a.png")))
        []
    """

    arguments: Sequence[str]
    by: FindImagesBy = "extension"
    separator: bytes = b"\n"
    is_stopped: Callable[[], bool] = lambda: False
    input: int = 0
    tables: Mapping[str, ImageTable] = field(default_factory=dict)

    @property
    def is_listed_elsewhere(self) -> bool:
        """Whether names come from standard input, at their own pace."""
        return STANDARD_INPUT in self.arguments

    def require(self) -> None:
        """Checks that all arguments exist, and that folders contain images.

        Raises:
            DataError: An argument does not exist, or a folder has no images.
            ConfigError: Standard input is named twice, or record files can't be read.
        """
        if self.arguments.count(STANDARD_INPUT) > 1:
            raise ConfigError(
                message("Standard input can be named only once.", images="- -")
            )
        for each in self.arguments:
            if each != STANDARD_INPUT:
                self._require(each)

    def after(self, last: ImageName | None = None) -> Iterator[ImageName]:
        """Yields the images, or those after `last`.

        Raises:
            ConfigError: Standard input lists other names than before.
        """
        first = 0 if last is None else last.argument
        for place in range(first, len(self.arguments)):
            begun = last if last is not None and last.argument == place else None
            number = begun.number if begun else 0
            for found in self._names_in_argument(self.arguments[place], begun):
                number += 1
                yield ImageName(found.name, found.problem, place, number, found.cells)

    def count(self) -> Iterator[int]:
        """Yields 1 for each image, without reading any."""
        for each in self.arguments:
            if os.path.isdir(each):
                yield from (1 for _ in images_below(each, self.by, in_order=False))
            elif each in self.tables:
                yield from (1 for _ in self.tables[each].rows)
            elif _is_record_file(each):
                yield from (1 for _ in images_in_record_file(each))
            else:
                yield 1

    def _require(self, argument: str) -> None:
        if argument in self.tables:
            return
        if _is_record_file(argument) or record_of(argument) is not None:
            record_library()
        if is_image_file(argument):
            return
        require_folder(Path(argument), "path")
        if next(images_below(argument, self.by, in_order=False), None) is None:
            raise DataError(message(wanted_images("path"), path=argument))

    def _names_in_argument(
        self, argument: str, begun: ImageName | None
    ) -> Iterator[FoundImage]:
        after = begun.name if begun else ""
        if argument == STANDARD_INPUT:
            return self._names_in_standard_input(begun)
        if argument in self.tables:
            rows = self.tables[argument].rows[begun.number if begun else 0 :]
            return (FoundImage(row.path, "", row.cells) for row in rows)
        if _is_record_file(argument):
            return images_in_record_file(argument, after)
        if os.path.isdir(argument):
            return images_below(argument, self.by, after)
        return iter(() if begun else (FoundImage(argument),))

    def _names_in_standard_input(self, begun: ImageName | None) -> Iterator[FoundImage]:
        """Yields the names in standard input after `begun`."""
        for number, name in enumerate(filter(None, self._lines()), 1):
            if begun is None or number > begun.number:
                yield FoundImage(os.fsdecode(name))
            elif number == begun.number and os.fsdecode(name) != begun.name:
                raise ConfigError(
                    message(
                        "Standard input must list the same names as before.",
                        "Start over with another --output.",
                        number=number,
                        name=os.fsdecode(name),
                        name_before=begun.name,
                    )
                )

    def _lines(self) -> Iterator[bytes]:
        rest = b""
        while block := self._read():
            *lines, rest = (rest + block).split(self.separator)
            yield from lines
        if not self.is_stopped():  # otherwise the name may be incomplete
            yield rest

    def _read(self) -> bytes:
        """Reads available input; empty at the end of the input or on a stop."""
        while not self.is_stopped():
            if select.select([self.input], [], [], _SECONDS_BETWEEN_LOOKS)[0]:
                return os.read(self.input, _BLOCK)
        return b""


def _is_record_file(argument: str) -> bool:
    return argument.endswith(SUFFIX) and os.path.isfile(argument)
