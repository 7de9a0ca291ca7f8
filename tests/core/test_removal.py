import re

import pytest
from keraunos.core.removal import remove_empty, remove_file, remove_folder, remove_temporary
from outside import make_outside, plant, snapshot

NAME, FILES = re.compile(r"step-\d+"), re.compile(r"\w+\.json")


# None of these may name a place outside the folder of the test, should the check fail.
WRONG = ["", "..", "photographs", "ABSOLUTE", "../step-1", "step-1/x"]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("how", ["file", "folder", "temporary"])
def test_foreign_name_is_rejected(tmp_path, wrong, how):
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
def test_link_or_special_file_with_a_matching_name_is_kept(tmp_path, kind):
    outside = make_outside(tmp_path / "outside")
    plant(tmp_path / "step-1", kind, outside)
    before = snapshot(tmp_path)
    assert remove_file(tmp_path, "step-1", NAME) == 0
    remove_folder(tmp_path, "step-1", NAME, FILES)
    remove_temporary(tmp_path, "step-1", NAME)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("other", ["cat.jpg", "deeper/cat.jpg", "a.json/b.json"])
def test_folder_with_foreign_files_is_kept_whole(tmp_path, other):
    (tmp_path / "step-1" / other).parent.mkdir(parents=True)
    (tmp_path / "step-1" / other).write_text("mine")
    (tmp_path / "step-1" / "state.json").write_text("ours")
    before = snapshot(tmp_path)
    remove_folder(tmp_path, "step-1", NAME, FILES)
    assert snapshot(tmp_path) == before


def test_own_files_and_folders_are_removed(tmp_path):
    (tmp_path / "step-1").mkdir()
    (tmp_path / "step-1" / "state.json").write_text("ours")
    (tmp_path / "step-2").write_text("four")
    remove_folder(tmp_path, "step-1", NAME, FILES)
    assert remove_file(tmp_path, "step-2", NAME) == 4
    assert remove_file(tmp_path, "step-2", NAME) == 0
    remove_empty(tmp_path)
    assert not tmp_path.exists()
