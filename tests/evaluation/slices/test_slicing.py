"""Columns cut into slices."""

import numpy as np
import pytest
from keraunos.evaluation.slices.slicing import reason_to_skip, slices_of


def column(*cells: str) -> np.ndarray:
    return np.array(cells, object)


def rows_by_slice(*cells: str) -> dict[str, list[int]]:
    return {each.name: sorted(each.rows.tolist()) for each in slices_of(column(*cells))}


def test_each_value_and_the_missing_values_form_slices() -> None:
    assert rows_by_slice("m", "f", "", "m", "") == {
        "f": [1],
        "m": [0, 3],
        "no value": [2, 4],
    }
    assert slices_of(column("a", ""))[1].value is None


def test_few_distinct_numbers_form_slices_in_numeric_order() -> None:
    assert list(rows_by_slice("10", "9", "100", "9")) == ["9", "10", "100"]


def test_many_numbers_are_cut_into_quartiles_besides_missing_values() -> None:
    ages = [str(age) for age in range(18, 58)]
    found = rows_by_slice(*ages, "", *ages)
    assert list(found) == ["18 to 27", "28 to 37", "38 to 47", "48 to 57", "no value"]
    assert [len(rows) for rows in found.values()] == [20, 20, 20, 20, 1]


def test_equal_quartiles_are_merged() -> None:
    found = rows_by_slice(*["0"] * 60, *[str(n) for n in range(1, 21)])
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
def test_unsuitable_columns_are_skipped_with_a_reason(
    cells: list[str], reason: str
) -> None:
    found = reason_to_skip(column(*cells))
    assert found.startswith(reason) or reason in found
    assert bool(found) is bool(reason)


def test_column_without_any_value_forms_one_slice() -> None:
    assert rows_by_slice("", "") == {"no value": [0, 1]}


def test_infinity_is_treated_as_text() -> None:
    assert len(rows_by_slice(*[str(n) for n in range(9)], "inf")) == 10
