"""The synthetic lesions are reproducible, and not too easy to classify."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from keraunos import ImageData
from keraunos.data.synthetic.folder import NAME
from keraunos.data.synthetic.lesions import KINDS, draw_lesion
from sklearn.linear_model import LogisticRegression


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three images per class instead of hundreds."""
    for name, kind in KINDS.items():
        monkeypatch.setitem(KINDS, name, dataclasses.replace(kind, train=2, test=1))


def mean_colors(first: int, count: int) -> tuple[np.ndarray, list[str]]:
    """The mean colors of `count` images of each class, and their classes."""
    names = [name for name in KINDS for _ in range(count)]
    numbers = [*range(first, first + count)] * len(KINDS)
    drawn = [draw_lesion(name, 0, k) for name, k in zip(names, numbers, strict=True)]
    return np.mean(drawn, axis=(1, 2)), names


def test_classes_match_the_tutorial_in_names_and_imbalance() -> None:
    assert len(KINDS) == 9
    assert {"melanoma", "nevus", "vascular lesion"} <= set(KINDS)
    train = [kind.train for kind in KINDS.values()]
    assert 4 < max(train) / min(train) < 8


def test_constant_prediction_scores_low() -> None:
    test = [kind.test for kind in KINDS.values()]
    assert max(test) / sum(test) < 0.25


@pytest.mark.slow
def test_mean_color_does_not_separate_the_classes() -> None:
    by_color = LogisticRegression(max_iter=2000).fit(*mean_colors(0, 12))
    assert by_color.score(*mean_colors(12, 8)) < 0.4


def test_image_depends_on_class_seed_and_number() -> None:
    first = draw_lesion("melanoma", seed=0, number=5)
    np.testing.assert_array_equal(first, draw_lesion("melanoma", seed=0, number=5))
    for other in ("nevus", 0, 5), ("melanoma", 1, 5), ("melanoma", 0, 6):
        assert not np.array_equal(first, draw_lesion(*other))


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_same_seed_reproduces_every_pixel_of_a_dataset(tmp_path: Path) -> None:
    def pixels(folder: str, seed: int) -> np.ndarray:
        data = ImageData.from_folder(
            NAME, image_size=32, seed=seed, cache_dir=tmp_path / folder
        )
        assert data.test.num_examples == 9
        return data.test.images(np.arange(9))

    np.testing.assert_array_equal(pixels("a", 0), pixels("b", 0))
    assert not np.array_equal(pixels("a", 0), pixels("a", 1))
