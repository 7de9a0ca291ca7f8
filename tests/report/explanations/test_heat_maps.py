"""Heat maps highlight strong cells and leave the rest of the image visible."""

import numpy as np
from keraunos.report.explanations.heat_maps import (
    TILE,
    has_support,
    overlay,
    side_by_side,
    tile,
)


def image(height: int = 40, width: int = 40) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


def test_strongest_cell_is_yellow_and_negative_cells_stay_gray():
    cam = np.zeros((4, 4))
    cam[0, 3], cam[3, 0] = 2.0, -5.0
    pixels = overlay(tile(image()), cam).astype(int)
    corner = pixels[8, -8]
    assert corner[0] > 180
    assert corner[2] < 100
    assert np.ptp(pixels[-8, 8]) < 30  # nearly gray


def test_map_without_positive_values_draws_nothing():
    assert not has_support(np.full((2, 2), -1.0))
    pixels = overlay(tile(image()), np.full((2, 2), -1.0))
    assert np.ptp(pixels, axis=(0, 1)).max() == 0


def test_tiles_keep_their_aspect_ratio_and_are_placed_side_by_side():
    small, wide = tile(image()), tile(image(200, 400))
    assert small.shape == (TILE, TILE, 3)
    assert wide.shape == (TILE // 2, TILE, 3)
    both = side_by_side([small, small])
    assert both.shape == (TILE, 2 * TILE + 4, 3)
    assert (both[:, TILE : TILE + 4] == 255).all()
