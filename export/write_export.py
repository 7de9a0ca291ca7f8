"""Exports a model: written under another name, checked, and only then where it belongs."""

import os
from collections.abc import Iterable
from pathlib import Path

import keras

from ..core.errors import ConfigError, message
from ..core.files import sha256_of_file, write_json_atomic
from .description import Description
from .formats.contract import Format
from .parity import TOLERANCE, Parity, Reference, check_parity
from .place import PARITY_FILE, NotKeptError, export_directory
from .portable.model import DESCRIPTION_FILE
from .portable_files import write_portable_files


def write_export(
    candidates: Iterable[keras.Model],
    format: Format,
    description: Description,
    reference: Reference,
    output: Path,
    tolerance: float = TOLERANCE,
) -> Parity:
    """Writes a model in a format, if what is written answers like the model.

    Args:
        candidates: Models that all should answer alike, the preferable first; one is
            enough.
        format: Which.
        description: Of the model.
        reference: Images, and what it must answer for them.
        output: The new directory; an earlier export there is replaced.
        tolerance: Of a probability.

    Returns:
        How what was written differs from the model.

    Raises:
        ConfigError: None of them answers as it must, and nothing is left; or there is
            something else in its place.
    """
    found = []
    for model in candidates:
        with export_directory(output) as temporary:
            format.write(model, description, temporary)
            _describe(temporary, format, description)
            write_portable_files(temporary, format.requirements)
            found.append(check_parity(temporary, reference, tolerance))
            if not found[-1].has_passed:
                raise NotKeptError
            write_json_atomic(temporary / PARITY_FILE, found[-1].as_json())
        if found[-1].has_passed:
            return found[-1]
    raise ConfigError(
        message(
            f"An export must answer like its model, to {tolerance:g}; nothing was written.",
            largest_differences=[each.largest_difference for each in found],
            agreement=[each.agreement for each in found],
        )
    )


def _describe(directory: Path, format: Format, description: Description) -> None:
    """Writes `model.json`, with the SHA-256 of each file of the model."""
    files = {
        os.fspath(file.relative_to(directory)): sha256_of_file(file)
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    }
    document = description.as_json() | {
        "format": format.name,
        "file": format.file,
        "files": files,
    }
    write_json_atomic(directory / DESCRIPTION_FILE, document)
