"""Directories of arrays and JSON documents: written atomically, verified when read.

Arrays are stored in safetensors files, which can't contain code. `manifest.json`, written
last, lists every file with its size and SHA-256.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from .array_bytes import bytes_of
from .errors import CheckpointError
from .faults import fault_point
from .files import new_directory, read_text, replacing, sha256_of_file
from .known_files import KnownFiles
from .run_layout import CHECKPOINT_FILES
from .store import Store

Arrays = dict[str, npt.NDArray[Any]]

MANIFEST = "manifest.json"
FORMAT_VERSION = 1

# SHA-256 of files in the store that this process has verified.
_intact: KnownFiles[str] = KnownFiles()


@dataclass(frozen=True)
class Bundle:
    """The content of a directory.

    Attributes:
        arrays: Arrays by name, grouped by the name of their file.
        documents: JSON values by the name of their file.
    """

    arrays: Mapping[str, Arrays] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)


def write_bundle(path: Path, bundle: Bundle, store: Store | None = None) -> None:
    """Writes a new directory, which appears under its name only when it is complete.

    Args:
        path: The directory.
        bundle: The content.
        store: A store to share array files with, by hard links; None writes all of them.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "bundle"
        >>> write_bundle(path, Bundle(arrays={"weights": {"w": np.ones(3)}}))
        >>> read_bundle(path).arrays["weights"]["w"]
        array([1., 1., 1.])
    """
    with new_directory(path) as directory:
        for name, arrays in bundle.arrays.items():
            contiguous = {key: np.asarray(a, order="C") for key, a in arrays.items()}
            _write_arrays(contiguous, directory / f"{name}.safetensors", store)
            fault_point(f"after-{name}")
        for name, document in bundle.documents.items():
            text = json.dumps(document, indent=1)
            (directory / f"{name}.json").write_text(text, encoding="utf-8")
        fault_point("before-manifest")
        files = _fingerprints(directory, _sha256_of_written)
        manifest = {"format": FORMAT_VERSION, "files": files}
        (directory / MANIFEST).write_text(json.dumps(manifest, indent=1))
        fault_point("before-rename")


def _write_arrays(arrays: Arrays, file: Path, store: Store | None) -> None:
    if store is None:
        _save(arrays, file)
        return
    key = f"weights-{_digest(arrays)}"
    with store.lock(key):
        if store.link(key, file) and _is_intact(file, arrays):
            return
        _save(arrays, file)  # also replaces a damaged file
        store.adopt(key, file)


def _save(arrays: Arrays, file: Path) -> None:
    with replacing(file) as temporary:
        mode = temporary.stat().st_mode  # respects the umask, which safetensors ignores
        save_file(arrays, temporary)
        temporary.chmod(mode)


def _digest(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(json.dumps([name, str(array.dtype), array.shape]).encode())
        digest.update(bytes_of(array))
    return digest.hexdigest()


def _is_intact(file: Path, arrays: Arrays) -> bool:
    """Returns whether a file contains these arrays; compares an unchanged file once."""
    if _intact.find(file.stat()):
        return True
    try:
        held = load_file(file)
    except (SafetensorError, OSError):
        return False
    is_intact = held.keys() == arrays.keys() and all(
        held[name].dtype == array.dtype
        and np.array_equal(bytes_of(held[name]), bytes_of(array))
        for name, array in arrays.items()
    )
    if is_intact:
        _intact.add(file.stat(), sha256_of_file(file))
    return is_intact


def _sha256_of_written(file: Path) -> str:
    return _intact.find(file.stat()) or sha256_of_file(file)


def read_bundle(path: Path) -> Bundle:
    """Reads a directory, and verifies all of its files.

    Raises:
        CheckpointError: A file is missing or damaged.
    """
    wanted = verify_bundle(path)
    arrays = {
        name: _arrays(path / name)
        for name in wanted
        if _is_checkpoint_file(name, ".safetensors")
    }
    documents = {
        name: _document(path / name)
        for name in wanted
        if _is_checkpoint_file(name, ".json")
    }
    return Bundle(
        {Path(name).stem: each for name, each in arrays.items()},
        {Path(name).stem: each for name, each in documents.items()},
    )


def read_document(path: Path, name: str) -> Any:
    """Reads one document of a directory, and verifies only this file.

    Raises:
        CheckpointError: The document is missing or damaged.
    """
    file = f"{name}.json"
    fingerprints = _read_manifest(path)
    _compare(path, {file: fingerprints.get(file)}, _fingerprints(path, only=file))
    return _document(path / file)


def verify_bundle(path: Path) -> dict[str, Any]:
    """Compares a directory with its manifest.

    Returns:
        Size and SHA-256 of each file.

    Raises:
        CheckpointError: A file is missing or damaged; the message names it.
    """
    wanted = _read_manifest(path)
    _compare(path, wanted, _fingerprints(path))
    return wanted


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(read_text(path / MANIFEST))
        version, files = manifest["format"], dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} has no readable {MANIFEST} ({error})") from None
    if version != FORMAT_VERSION:
        raise CheckpointError(f"{path} is of format {version}, not {FORMAT_VERSION}")
    return files


def _compare(path: Path, wanted: dict[str, Any], found: dict[str, Any]) -> None:
    for name, fingerprint in wanted.items():
        if found.get(name) != fingerprint or fingerprint is None:
            what = "is missing" if name not in found else "is damaged"
            raise CheckpointError(f"{path}: {name} {what}")


def _arrays(file: Path) -> Arrays:
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{file} can't be read ({error})") from None


def _document(file: Path) -> Any:
    try:
        return json.loads(read_text(file))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} can't be read ({error})") from None


def _is_checkpoint_file(name: str, suffix: str) -> bool:
    return CHECKPOINT_FILES.fullmatch(name) is not None and name.endswith(suffix)


def _fingerprints(
    directory: Path, sha256: Callable[[Path], str] = sha256_of_file, only: str = ""
) -> dict[str, dict[str, Any]]:
    """Returns size and SHA-256 of each regular file, or only of the file `only`."""
    return {
        file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)}
        for file in sorted(directory.iterdir())
        if file.is_file() and file.name != MANIFEST and only in ("", file.name)
    }
