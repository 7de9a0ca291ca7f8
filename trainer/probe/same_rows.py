"""Finds workers that read different data, before the difference is blamed on the model."""

import hashlib
from typing import Any

import keras
import tensorflow as tf

from ...core.errors import ConfigError, message
from ...strategies import Workers

_PARTS = ("inputs", "targets", "sample weights")


def require_same_rows(workers: Workers, rows: Any) -> None:
    """Checks that all workers have read the same rows. All must call this.

    Args:
        workers: The workers.
        rows: What `first_rows` returned here.

    Raises:
        ConfigError: Some have not; the message names them, and what differs.
    """
    chief, *others = workers.gather(_fingerprints(rows))
    differing = {
        rank: [part for part in each if each[part] != chief.get(part)] or ["structure"]
        for rank, each in enumerate(others, start=1)
        if each != chief
    }
    if differing:
        raise ConfigError(
            message(
                "All workers must read the same batches in the same order, but the first "
                "rows of some are not those of the chief.",
                "Give all of them the same files and the same preprocessing, and each "
                "shuffle a seed: dataset.shuffle(size, seed=0).",
                differing_workers=differing,
            )
        )


def _fingerprints(rows: Any) -> dict[str, str]:
    """Returns the SHA-256 of each part of an element, by its name."""
    is_plain = type(rows) in (tuple, list) and len(rows) <= len(_PARTS)
    found: dict[str, Any] = {}
    for path, leaf in keras.tree.flatten_with_path(rows):
        part = _PARTS[path[0]] if is_plain else "/".join(map(str, path)) or _PARTS[0]
        digest = found.setdefault(part, hashlib.sha256())
        for tensor in tf.nest.flatten(leaf, expand_composites=True):
            digest.update(tf.io.serialize_tensor(tensor).numpy())
    return {part: digest.hexdigest() for part, digest in found.items()}
