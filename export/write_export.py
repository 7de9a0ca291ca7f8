"""Exports a model: writes it to a temporary directory, checks it, and moves it in place."""

import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from ..core.errors import ConfigError, message
from ..core.files import sha256_of_file, write_json_atomic
from ..core.run_layout import EXPORT_PARITY_FILE
from ..core.signals import stop_signals
from .asked_export import SECONDS
from .comparison import Parity, Reference
from .description import Description
from .formats.contract import Format, Signature
from .parity import TOLERANCE, check_parity
from .place import NotKeptError, export_directory, files_of_export
from .portable.model import DESCRIPTION_FILE
from .portable_files import checked_versions, write_portable_files
from .readme import write_readme

# Measures an export that is complete except for `parity.json`; its result is added there.
# Raises a ConfigError to reject the export.
Measure = Callable[[Path], Mapping[str, Any]]


def write_export(
    candidates: Iterable[keras.Model],
    format: Format,
    description: Description,
    reference: Reference,
    output: Path,
    tolerance: float | None = TOLERANCE,
    measure: Measure | None = None,
    timeout_seconds: float = SECONDS,
) -> Parity:
    """Writes a model in a format, if its outputs there equal those of the model.

    Meanwhile, SIGINT raises a `KeyboardInterrupt` and SIGTERM a `SystemExit`; nothing is
    left then.

    Args:
        candidates: Equivalent models, in order of preference; the first that passes is
            kept.
        format: Format of the export.
        description: Description of the model.
        reference: Images, and the expected outputs for them.
        output: The new directory; an earlier export there is replaced.
        tolerance: Tolerance of a probability; None accepts any finite output, if `measure`
            judges it.
        measure: Further measurements of the export.
        timeout_seconds: Time to run the export.

    Returns:
        How the export differs from the model.

    Raises:
        ConfigError: No candidate passes, and nothing is left; or `output` exists and is
            not an export.
    """
    found: list[Parity] = []
    with stop_signals(then=_raise_for_signal) as stop:
        for model in candidates:
            with export_directory(output) as temporary:
                format.write(model, description, temporary)
                _describe(temporary, format, description)
                write_portable_files(temporary, format.requirements)
                write_readme(temporary, format, description)
                signatures = signatures_of(format, description)
                found.append(
                    _check(temporary, signatures, reference, tolerance, timeout_seconds)
                )
                if not found[-1].has_passed:
                    raise NotKeptError
                measured = {} if measure is None else measure(temporary)
                _write_parity(temporary, format, found[-1], measured)
                if stop.received is not None:  # its exception was lost
                    _raise_for_signal(stop.received)
            if found[-1].has_passed:
                return found[-1]
    raise _refusal(found)


def signatures_of(format: Format, description: Description) -> Sequence[Signature]:
    """Returns the further signatures of an export; only classifiers have some."""
    return format.signatures if description.task == "classification" else ()


def _check(
    directory: Path,
    signatures: Sequence[Signature],
    reference: Reference,
    tolerance: float | None,
    timeout_seconds: float,
) -> Parity:
    """Checks all signatures of an export."""
    parity = check_parity(directory, reference, tolerance, timeout_seconds=timeout_seconds)
    if not parity.has_passed:
        return parity
    answers = {
        each.name: check_parity(
            directory, reference, each.tolerance, each.option, timeout_seconds
        )
        for each in signatures
    }
    return replace(parity, signatures=answers)


def _refusal(found: Sequence[Parity]) -> ConfigError:
    failed = [each.first_failed for each in found]
    return ConfigError(
        message(
            "The outputs of an export must equal those of its model within "
            f"{failed[-1].tolerance or 0:g}; nothing was written.",
            "Is the model deterministic?",
            largest_differences=[each.largest_difference for each in failed],
            agreement=[each.agreement for each in failed],
            disagreements=dict(failed[-1].disagreements),
            worst_image=failed[-1].worst[0].image,
        )
    )


def _raise_for_signal(number: int) -> None:
    """Raises the exception of a signal, so that unfinished files are removed."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


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
        "signatures": {
            each.name: each.description for each in signatures_of(format, description)
        },
    }
    write_json_atomic(directory / DESCRIPTION_FILE, document)


def _write_parity(
    directory: Path, format: Format, parity: Parity, measured: Mapping[str, Any]
) -> None:
    document = {
        "format": format.name,
        **parity.as_json(),
        **measured,
        "versions": checked_versions(format.requirements),
        "files": sorted(files_of_export(directory)),
    }
    write_json_atomic(directory / EXPORT_PARITY_FILE, document)
