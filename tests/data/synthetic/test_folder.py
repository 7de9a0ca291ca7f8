"""The drawn lesions: the same each time, and no easier than they should be."""

from pathlib import Path

import numpy as np
import pytest
from keraunos import ImageData
from keraunos.data.synthetic.lesions import draw_lesion
from sklearn.linear_model import LogisticRegression


@pytest.fixture(scope="module")
def lesions() -> ImageData:
    return ImageData.from_folder("synthetic:lesions", image_size=32)


def mean_colours(split) -> np.ndarray:
    return split.images(np.arange(split.num_examples)).mean(axis=(1, 2))


def test_nine_classes_with_the_names_and_the_imbalance_of_the_tutorial(lesions) -> None:
    assert len(lesions.class_names) == 9
    assert {"melanoma", "nevus", "vascular lesion"} <= set(lesions.class_names)
    counts = np.bincount(lesions.train.labels)
    assert 4 < counts.max() / counts.min() < 8


def test_neither_a_constant_nor_the_mean_colour_classifies_them(lesions) -> None:
    train, test = lesions.train, lesions.test
    commonest = np.bincount(train.labels).argmax()
    assert np.mean(test.labels == commonest) < 0.25
    by_colour = LogisticRegression(max_iter=2000).fit(mean_colours(train), train.labels)
    assert by_colour.score(mean_colours(test), test.labels) < 0.4


def test_the_seed_decides_a_picture() -> None:
    first = draw_lesion("melanoma", seed=0, number=5)
    np.testing.assert_array_equal(first, draw_lesion("melanoma", seed=0, number=5))
    for other in ("nevus", 0, 5), ("melanoma", 1, 5), ("melanoma", 0, 6):
        assert not np.array_equal(first, draw_lesion(*other))


@pytest.mark.slow
def test_the_seed_decides_every_pixel(lesions, tmp_path: Path) -> None:
    def drawn_anew(seed: int) -> ImageData:
        return ImageData.from_folder(
            "synthetic:lesions", image_size=32, seed=seed, cache_dir=tmp_path
        )

    def pixels(data: ImageData) -> np.ndarray:
        return data.test.images(np.arange(data.test.num_examples))

    np.testing.assert_array_equal(pixels(lesions), pixels(drawn_anew(0)))
    assert not np.array_equal(pixels(lesions), pixels(drawn_anew(1)))
