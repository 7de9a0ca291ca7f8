import io

import numpy as np
import pytest
from keraunos.export.benchmark import Subject, benchmark
from keraunos.export.description import Description
from keraunos.export.portable.model import Model
from PIL import Image


def content(seed: int) -> bytes:
    written = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


@pytest.fixture
def asked() -> list[tuple[int, ...]]:
    """Shapes of the batches passed to the models."""
    return []


def subject(name: str, size: int, asked: list[tuple[int, ...]]) -> Subject:
    def run(images: np.ndarray) -> np.ndarray:
        asked.append(
            (*images.shape, len(np.unique(images.reshape(len(images), -1), axis=0)))
        )
        return np.full((len(images), 2), 0.5, np.float32)

    document = Description(name, ["one", "two"], size).as_json()
    return Subject(name, "onnx", Model(document, run))


def test_each_model_and_batch_size_has_a_row(asked):
    subjects = [subject("small", 8, asked), subject("large", 16, asked)]
    rows = benchmark(subjects, [1, 5], [content(0), content(1)], seconds=0.02)
    assert [(row.model, row.batch_size) for row in rows] == [
        ("small", 1), ("small", 5), ("large", 1), ("large", 5),
    ]  # fmt: skip
    # Each image of the batch is one of the two decoded ones.
    assert set(asked) == {
        (1, 8, 8, 3, 1),
        (5, 8, 8, 3, 2),
        (1, 16, 16, 3, 1),
        (5, 16, 16, 3, 2),
    }
    assert all(row.calls >= 10 and row.p50_ms > 0 and row.decode_ms > 0 for row in rows)
    assert rows[0].decode_ms == rows[1].decode_ms != rows[2].decode_ms


def test_throughput_counts_images_instead_of_calls(asked):
    [row] = benchmark([subject("one", 8, asked)], [7], [content(0)], seconds=0.02)
    per_call = 7 / row.images_per_second * 1e3
    assert 0.2 * row.p50_ms < per_call < 50 * row.p50_ms
