"""Opens every image once before training, so that no bad file stops a run later."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice

from ...core.cache_folder import FILES_DATABASE
from ...core.progress import track
from ...core.store import Store
from .decode import Pixels
from .file_records import FileRecord, FileRecords
from .fingerprints import Fingerprint, Fingerprints
from .parallel_reader import ParallelReader
from .pixel_rules import (
    DECODER_VERSION,
    DEFAULT_RULES,
    PixelRules,
    too_large,
)
from .read_file import Inspection, unopened_files

_AT_ONCE = 1000
_THREADS = 16


def inspect_files(
    paths: Sequence[str],
    store: Store | None,
    fingerprints: Fingerprints | None = None,
    max_pixels: int = DEFAULT_RULES.max_pixels,
) -> list[FileRecord]:
    """Hashes files and checks that each can be decoded.

    Args:
        paths: Image files.
        store: Caches the records, so that unchanged files are not opened again; None opens
            all files.
        fingerprints: Receives the fingerprints of the images, for which they are decoded
            in full.
        max_pixels: Images with more pixels are rejected.

    Returns:
        One record per file, in the order of `paths`.
    """
    if store is None:
        return [each.record for each in _inspect_all(paths, False, max_pixels)]
    records = FileRecords(store.claim() / FILES_DATABASE, DECODER_VERSION)
    known = _apply_pixel_limit(records.find(paths), max_pixels)
    if fingerprints is not None:
        there = fingerprints.known({each.digest for each in known.values()})
        known = {
            p: each for p, each in known.items() if each.problem or each.digest in there
        }
    unknown = [path for path in paths if path not in known]
    inspections = zip(
        unknown, _inspect_all(unknown, fingerprints is not None, max_pixels), strict=True
    )
    while chunk := dict(islice(inspections, _AT_ONCE)):
        if fingerprints is not None:
            fingerprints.remember(_fingerprints_of(chunk.values()))
        # A file that can't be opened now may be readable later without a new change time.
        opened = {path: each for path, each in chunk.items() if each.record.digest}
        records.remember(
            {path: each.record for path, each in opened.items()},
            {path: each.stamp for path, each in opened.items()},
        )
        known |= {path: each.record for path, each in chunk.items()}
    return [known[path] for path in paths]


def _apply_pixel_limit(
    known: dict[str, FileRecord], max_pixels: int
) -> dict[str, FileRecord]:
    """Returns the records under this limit, without files that an earlier one rejected."""
    found = {}
    for path, record in known.items():
        if record.width * record.height > max_pixels:
            problem = too_large(record.width, record.height, max_pixels)
            found[path] = record._replace(problem=problem)
        elif not (record.problem and record.width):  # with a width, it was too large
            found[path] = record
    return found


def list_unopened(paths: Sequence[str]) -> list[FileRecord]:
    """Returns one record per file, in order; see `read_file.unopened_files`."""
    parts = [paths[first : first + _AT_ONCE] for first in range(0, len(paths), _AT_ONCE)]
    with ThreadPoolExecutor(_THREADS) as pool:  # network disks are slow to respond
        return list(chain.from_iterable(pool.map(unopened_files, parts)))


def decode_files(
    paths: Sequence[str],
    digests: Sequence[bytes],
    size: int,
    rules: PixelRules = DEFAULT_RULES,
) -> Iterator[Pixels]:
    """Decodes files in parallel, and yields their images in order.

    Args:
        paths: Image files that are known to be decodable.
        digests: Digests of their content from `inspect_files`.
        size: Height and width in pixels.
        rules: Rules for reading pixels.

    Raises:
        DataError: A file was changed or removed since.
    """
    files = list(zip(paths, digests, strict=True))
    with ParallelReader(len(files)) as reader:
        yield from track(reader.read(files, size, rules), "Decoding images", len(files))


def _fingerprints_of(inspections: Iterable[Inspection]) -> dict[bytes, Fingerprint]:
    return {
        each.record.digest: each.fingerprint for each in inspections if each.fingerprint
    }


def _inspect_all(paths: Sequence[str], full: bool, max_pixels: int) -> Iterator[Inspection]:
    rules = PixelRules(max_pixels=max_pixels)
    with ParallelReader(len(paths)) as reader:
        found = reader.inspect(paths, full, rules)
        yield from track(found, "Checking images", len(paths))
