"""Missing images are named, and all others are read."""

import numpy as np
from keraunos.report.explanations.readable_images import ReadableImages
from patches import PatchSplit, patch_images


def split() -> PatchSplit:
    return PatchSplit(*patch_images(11)[:2])


def test_images_are_read_in_order_in_chunks():
    reader = ReadableImages(split(), rows_at_once=4)
    chunks = list(reader.chunks(np.array([9, 2, 3, 5, 7, 1])))
    assert [chunk.rows.tolist() for chunk in chunks] == [[9, 2, 3, 5], [7, 1]]
    assert np.array_equal(chunks[1].images, split().images(np.array([7, 1])))
    assert not reader.gaps(split().names)
    assert not reader.tables(split().names)


def test_missing_images_are_named_and_the_others_read():
    source = split()
    source.gone = {3, 8}
    reader = ReadableImages(source, rows_at_once=4)
    chunks = list(reader.chunks(np.arange(11)))
    read = np.concatenate([chunk.rows for chunk in chunks])
    assert read.tolist() == [0, 1, 2, 4, 5, 6, 7, 9, 10]
    (gap,) = reader.gaps(source.names)
    assert gap.startswith("not measured: 2 images")
    assert "photos/red/3.png, photos/blue/8.png" in gap
    (table,) = reader.tables(source.names)
    assert table.rows[0] == ("photos/red/3.png", "photos/red/3.png is gone")


def test_data_without_single_images_gives_a_reason():
    assert "does not provide single images" in ReadableImages(object()).reason_for_none
    assert not ReadableImages(split()).reason_for_none
