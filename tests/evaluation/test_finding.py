import numpy as np
import pytest
from keraunos.evaluation.finding import Finding, Panel, Table


@pytest.mark.parametrize("rows", [[["a"]], [["a", 1], ["b", 2, 3]]])
def test_table_rows_must_be_as_long_as_the_header(rows):
    with pytest.raises(ValueError, match="Each row of the table `Sizes` needs 2 cells"):
        Table("Sizes", ["class", "images"], rows)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
    ],
)
def test_panel_pixels_must_be_uint8_rgb(pixels):
    with pytest.raises(ValueError, match=r"must be \(height, width, 3\) uint8"):
        Panel("Missed", ["a.png"], pixels, row=0)


@pytest.mark.parametrize("name", ["conclusions", "warnings", "gaps"])
def test_single_sentence_instead_of_a_list_is_rejected(name):
    with pytest.raises(TypeError, match=f"`{name}` of a finding must be a list"):
        Finding("Own", **{name: "The error is small."})


def test_figures_of_a_finding_must_be_figures():
    with pytest.raises(TypeError, match="The figure `curve` of a finding"):
        Finding("Own", figures={"curve": None})
