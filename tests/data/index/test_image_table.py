"""Some images of a run, written as a table and read again."""

import dataclasses

import numpy as np
import pytest
from helpers import make_images
from keraunos.configs import DataConfig
from keraunos.core.shared_store import open_store
from keraunos.data.index.build_index import build_index
from keraunos.data.index.image_table import settings_of_table, table_of

TASKS = {
    "classification": "dx",
    "multi_label": "dx",
    "regression": "age",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    make_images(root, {"cat": 3, "emu, large": 4}, size=32)
    lines = ["image,dx,age,patient,image_,label"]
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        name = path.relative_to(root).as_posix()
        kinds = ("mole", "scar|mole", "scar")[number % 3]
        cells = [
            f'"{name}"',
            kinds,
            f"{number / 7 + 0.1}",
            f"p{number // 2}",
            "x=1",
            f"{number}",
        ]
        lines.append(",".join(cells))
    (root / "table.csv").write_text("\n".join(lines) + "\n")
    return root


def read(config, store, task="classification"):
    return build_index(config, 0, store, task).index


def again(index, folder, store, **settings):
    file = folder / "again.csv"
    file.write_bytes(table_of(index))
    own = {"train": str(file), **settings_of_table(index), "validation_split": 0.0}
    return read(DataConfig(**own, **settings), store, index.task)


def require_same(ours, theirs):
    for field in dataclasses.fields(ours):
        a, b = getattr(ours, field.name), getattr(theirs, field.name)
        if isinstance(a, np.ndarray):
            assert (a == b).all(), field.name
        elif field.name == "columns":
            assert {n: v.tolist() for n, v in a.items()} == {
                n: v.tolist() for n, v in b.items()
            }
        else:
            assert a == b, field.name


def test_folder_index_round_trips_through_its_table(folder, store, tmp_path):
    index = read(DataConfig(train=str(folder), validation_split=0.0), store)
    assert index.class_names == ("cat", "emu, large")
    require_same(index, again(index, tmp_path, store))


@pytest.mark.parametrize("task", TASKS)
def test_table_index_round_trip_keeps_labels_groups_and_columns(
    folder, store, tmp_path, task
):
    config = DataConfig(
        train=str(folder / "table.csv"),
        label_column=TASKS[task] if task != "classification" else "patient",
        group_column=None if task == "classification" else "patient",
        validation_split=0.0,
    )
    index = read(config, store, task)
    found = again(index, tmp_path, store)
    require_same(index, found)
    assert {"image_", "label"} <= set(found.columns)
    assert found.is_grouped is (task != "classification")


def test_subset_of_rows_round_trips_through_its_table(folder, store, tmp_path):
    index = read(DataConfig(train=str(folder), validation_split=0.0), store)
    some = index.where(np.arange(len(index)) % 2 == 0)
    assert again(some, tmp_path, store).paths.tolist() == some.paths.tolist()
