import re

import pytest
from keraunos.core.removal import remove_empty, remove_file, remove_folder, remove_temporary
from outside import make_outside, plant, snapshot

NAME, FILES = re.compile(r"step-\d+"), re.compile(r"\w+\.json")


# Nothing here may name a place outside the folder of the test, where the check is broken.
WRONG = ["", "..", "photographs", "ABSOLUTE", "../step-1", "step-1/x"]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("how", ["file", "folder", "temporary"])
def test_a_name_that_is_none_of_ours_is_refused(tmp_path, wrong, how):
    directory = make_outside(tmp_path / "deep" / "deeper")
    name = wrong.replace("ABSOLUTE", str(tmp_path / "deep"))
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match="not the name of a file of Keraunos"):
        if how == "file":
            remove_file(directory, name, NAME)
        elif how == "folder":
            remove_folder(directory, name, NAME, FILES)
        else:
            remove_temporary(directory, name, NAME)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "fifo"])
def test_a_link_or_a_special_file_of_such_a_name_stays(tmp_path, kind):
    outside = make_outside(tmp_path / "outside")
    plant(tmp_path / "step-1", kind, outside)
    before = snapshot(tmp_path)
    assert remove_file(tmp_path, "step-1", NAME) == 0
    remove_folder(tmp_path, "step-1", NAME, FILES)
    remove_temporary(tmp_path, "step-1", NAME)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("other", ["cat.jpg", "deeper/cat.jpg", "a.json/b.json"])
def test_a_folder_that_holds_something_else_stays_whole(tmp_path, other):
    (tmp_path / "step-1" / other).parent.mkdir(parents=True)
    (tmp_path / "step-1" / other).write_text("mine")
    (tmp_path / "step-1" / "state.json").write_text("ours")
    before = snapshot(tmp_path)
    remove_folder(tmp_path, "step-1", NAME, FILES)
    assert snapshot(tmp_path) == before


def test_what_is_ours_goes(tmp_path):
    (tmp_path / "step-1").mkdir()
    (tmp_path / "step-1" / "state.json").write_text("ours")
    (tmp_path / "step-2").write_text("four")
    remove_folder(tmp_path, "step-1", NAME, FILES)
    assert remove_file(tmp_path, "step-2", NAME) == 4
    assert remove_file(tmp_path, "step-2", NAME) == 0
    remove_empty(tmp_path)
    assert not tmp_path.exists()
