import numpy as np
import pytest
from keraunos.evaluation.finding import Finding, Panel, Table


@pytest.mark.parametrize("rows", [[["a"]], [["a", 1], ["b", 2, 3]]])
def test_a_table_needs_rows_as_long_as_its_header(rows):
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
def test_a_panel_needs_pixels_that_can_be_shown(pixels):
    with pytest.raises(ValueError, match=r"must be \(height, width, 3\) uint8"):
        Panel("Missed", ["a.png"], pixels, row=0)


@pytest.mark.parametrize("name", ["conclusions", "warnings", "gaps"])
def test_one_sentence_is_no_list_of_sentences(name):
    with pytest.raises(TypeError, match=f"`{name}` of a finding must be a list"):
        Finding("Own", **{name: "The error is small."})


def test_a_figure_must_be_one():
    with pytest.raises(TypeError, match="The figure `curve` of a finding"):
        Finding("Own", figures={"curve": None})
