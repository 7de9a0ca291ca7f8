from dataclasses import dataclass

import pytest
from keraunos.report.image_changes import find_changes

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
TABLE = f"""path,sha256,class,group,split
/p/train.jpg,{A},cat,0,train
/p/one.jpg,{B},cat,1,test
/p/two.jpg,{C},cat,2,test
"""


@dataclass
class Images:
    names: list
    digests: list


@pytest.fixture
def table(tmp_path):
    (tmp_path / "split.csv").write_text(TABLE)
    return tmp_path / "split.csv"


def test_unchanged_images_raise_no_warning(table):
    found = find_changes(table, Images(["/p/one.jpg", "/p/two.jpg"], [B, C]))
    assert list(found.warnings()) == []


def test_moved_images_do_not_count_as_changed(table):
    found = find_changes(table, Images(["/q/one.jpg", "/q/two.jpg"], [B, C]))
    assert list(found.warnings()) == []


def test_each_kind_of_change_lists_its_files(table):
    names = ["/p/one.jpg", "/p/new.jpg", "/p/was_train.jpg"]
    found = find_changes(table, Images(names, [D, "e" * 64, A]))
    assert list(found.gone) == ["/p/two.jpg"]
    assert list(found.changed) == ["/p/one.jpg"]
    assert list(found.trained_on) == ["/p/was_train.jpg"]
    assert list(found.new) == ["/p/new.jpg", "/p/was_train.jpg"]
    text = " ".join(found.warnings())
    assert "validation split, so scores are too optimistic (1): /p/was_train" in text
    assert "Test images changed since the run (1): /p/one.jpg." in text


def test_unread_files_are_not_compared(table):
    found = find_changes(table, Images(["/p/one.jpg", "/p/two.jpg"], ["0" * 64, C]))
    assert list(found.changed) == []


def test_relative_paths_are_resolved(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table.write_text(TABLE.replace("/p/", f"{tmp_path}/"))
    found = find_changes(table, Images(["one.jpg", "two.jpg"], [B, C]))
    assert list(found.warnings()) == []


def test_table_with_wrong_columns_raises(tmp_path):
    (tmp_path / "split.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="its columns must be"):
        find_changes(tmp_path / "split.csv", Images([], []))
