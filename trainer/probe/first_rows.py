"""Reads the first rows of the training data without consuming them."""

from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow as tf

from ...strategies import Position, Replicas
from ..contracts import BatchSource, GivesFirstElements, ReadsRows


def first_rows(source: BatchSource, count: int) -> Any:
    """Reads the first rows of a source as one batch.

    Args:
        source: The data.
        count: Number of rows. Rows are repeated if the source has fewer.

    Returns:
        An argument for `source.prepare`, or None if the source has no rows.
    """
    if isinstance(source, ReadsRows):
        draws = source.draws(0)
        rows = source.arrays(type(draws)(*(part[:count] for part in draws)))
        return _repeat_rows(rows, count)
    elements = list(_take_rows(first_elements(source), count))
    return _repeat_rows(_concatenate(elements), count) if elements else None


def first_elements(source: BatchSource) -> Iterator[Any]:
    """Iterates over the batches of a source, not split between replicas."""
    if isinstance(source, GivesFirstElements):
        return source.first_elements()
    return (parts[0].content for parts in source.batches(Position(), Replicas()))


def _take_rows(elements: Iterable[Any], count: int) -> Iterator[Any]:
    """Yields elements with rows until there are `count` rows."""
    for element in elements:
        rows = _num_rows(tf.nest.flatten(element)[0])
        if rows:
            yield element
        count -= rows
        if count <= 0:
            return


def _concatenate(elements: list[Any]) -> Any:
    """Concatenates the elements whose rows have the shapes of the first element's."""
    alike = [each for each in elements if _row_shapes(each) == _row_shapes(elements[0])]
    return tf.nest.map_structure(lambda *parts: tf.concat(parts, 0), *alike)


def _repeat_rows(element: Any, count: int) -> Any:
    return tf.nest.map_structure(
        lambda rows: tf.gather(rows, [n % _num_rows(rows) for n in range(count)]), element
    )


def _num_rows(rows: Any) -> int:
    return int(rows.nrows()) if isinstance(rows, tf.RaggedTensor) else len(rows)


def _row_shapes(element: Any) -> list[tuple[int | None, ...]]:
    return [tuple(rows.shape[1:]) for rows in tf.nest.flatten(element)]
