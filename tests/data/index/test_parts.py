import numpy as np
import pytest
from keraunos.core.errors import DataError
from keraunos.data.index.image_index import TEST, TRAIN, ImageIndex
from keraunos.data.index.parts import NO_PART, assign_parts
from keraunos.data.index.policies import Dropped


def index_of(labels, groups=None, splits=None, targets=None):
    rows = len(labels)
    return ImageIndex(
        tuple("abc"[: max(labels) + 1]),
        np.array([f"{row}.png" for row in range(rows)], object),
        np.array(labels, np.int32),
        np.zeros(rows, np.int8) if splits is None else np.array(splits, np.int8),
        np.array([f"{row:032}".encode() for row in range(rows)], "S32"),
        np.zeros(rows, bool),
        np.arange(rows) if groups is None else np.array(groups),
        targets=targets,
    )


def test_parts_are_stratified_and_depend_on_the_seed():
    index = index_of([0] * 9 + [1] * 6 + [2] * 3)
    part_of = assign_parts(index, 3, seed=0)
    for label, count in ((0, 3), (1, 2), (2, 1)):
        assert np.bincount(part_of[index.labels == label]).tolist() == [count] * 3
    assert (part_of == assign_parts(index, 3, seed=0)).all()
    assert (part_of != assign_parts(index, 3, seed=1)).any()


def test_groups_are_never_divided_between_parts():
    index = index_of([0] * 8 + [1] * 8, groups=[0, 0, 1, 1, 2, 2, 3, 3] * 2)
    part_of = assign_parts(index, 2, seed=3)
    assert all(len(set(part_of[index.groups == group])) == 1 for group in range(4))


def test_test_images_belong_to_no_part():
    splits = [TEST, TRAIN, TRAIN, TRAIN, TEST, TRAIN, TRAIN, TRAIN]
    index = index_of([0] * 4 + [1] * 4, splits=splits)
    part_of = assign_parts(index, 3, seed=0)
    assert ((part_of == NO_PART) == (index.splits == TEST)).all()


def test_class_contained_in_a_single_part_is_rejected():
    index = index_of([0] * 6 + [1] * 3, groups=[0, 1, 2, 3, 4, 5, 6, 6, 6])
    with pytest.raises(DataError, match=r"all images of b are in one part.*outer_folds=3"):
        assign_parts(index, 3, seed=0)
    dropped = [Dropped("b.png", "on_conflict", "in a, too", name) for name in "abb"]
    with pytest.raises(DataError, match=r"before: 2 of b by data\.on_conflict\. Add"):
        assign_parts(index, 3, seed=0, dropped=dropped)


def test_more_parts_than_groups_are_rejected():
    index = index_of([0, 0, 1, 1, 1], groups=[0, 0, 1, 1, 1])
    with pytest.raises(DataError, match=r"so there are 2\..*Try search\.outer_folds=2"):
        assign_parts(index, 3, seed=0)
    dropped = [Dropped("b.png", "on_leak", "also held out", "7.5")]
    with pytest.raises(DataError, match=r"before: 1 by data\.on_leak\. Try search"):
        assign_parts(index, 3, seed=0, dropped=dropped)


def test_group_larger_than_a_part_is_rejected_by_name():
    index = index_of([0] * 6 + [1] * 6, groups=[0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 4, 5])
    with pytest.raises(DataError, match=r"12 images / 4 .*that of .*3\S* has 5 images"):
        assign_parts(index, 4, seed=0)


def test_label_contained_in_a_single_part_is_rejected():
    targets = np.array([[1, 0], [1, 1], [1, 0], [1, 0]], np.float32)
    index = index_of([0, 1, 0, 0], targets=targets)
    with pytest.raises(DataError, match="all images of b"):
        assign_parts(index, 2, seed=0)
