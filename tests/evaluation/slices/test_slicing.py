"""Columns cut into slices."""

import numpy as np
import pytest
from keraunos.evaluation.slices.slicing import reason_to_skip, slices_of


def column(*cells: str) -> np.ndarray:
    return np.array(cells, object)


def cut(*cells: str) -> dict[str, list[int]]:
    return {each.name: sorted(each.rows.tolist()) for each in slices_of(column(*cells))}


def test_each_value_is_a_slice_and_so_are_images_without_one() -> None:
    assert cut("m", "f", "", "m", "") == {"f": [1], "m": [0, 3], "no value": [2, 4]}
    assert slices_of(column("a", ""))[1].value is None


def test_few_numbers_are_values_in_their_order() -> None:
    assert list(cut("10", "9", "100", "9")) == ["9", "10", "100"]


def test_many_numbers_are_cut_into_quartiles_beside_those_without_one() -> None:
    ages = [str(age) for age in range(18, 58)]
    found = cut(*ages, "", *ages)
    assert list(found) == ["18 to 27", "28 to 37", "38 to 47", "48 to 57", "no value"]
    assert [len(rows) for rows in found.values()] == [20, 20, 20, 20, 1]


def test_quartiles_that_fall_together_are_one_slice() -> None:
    found = cut(*["0"] * 60, *[str(n) for n in range(1, 21)])
    assert next(iter(found)) == "0"
    assert sum(map(len, found.values())) == 80
    assert len(found) == 2


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["", ""], "no test image"),
        ([f"site {n % 21}" for n in range(63)], "21 distinct texts"),
        ([f"site {n % 20}" for n in range(63)], ""),
        ([str(n) for n in range(40)], "every image has a different"),
        ([str(n % 30) for n in range(40)], ""),
        ([f"id{n}" for n in range(15)], "every image has a different"),
        (["a", "b"], ""),
    ],
)
def test_columns_that_nobody_asked_for_are_left_out_with_a_reason(
    cells: list[str], reason: str
) -> None:
    found = reason_to_skip(column(*cells))
    assert found.startswith(reason) or reason in found
    assert bool(found) is bool(reason)


def test_a_column_without_any_value_is_one_slice() -> None:
    assert cut("", "") == {"no value": [0, 1]}


def test_infinity_is_a_text() -> None:
    assert len(cut(*[str(n) for n in range(9)], "inf")) == 10
