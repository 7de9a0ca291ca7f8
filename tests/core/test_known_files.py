import os

from keraunos.core.known_files import _MOST, KnownFiles


def test_file_is_known_until_it_is_rewritten(tmp_path):
    path, known = tmp_path / "file", KnownFiles[str]()
    path.write_text("one")
    known.add(path.stat(), "first")
    assert known.find(path.stat()) == "first"
    path.write_text("three")
    assert known.find(path.stat()) is None


def test_oldest_files_are_forgotten_first(tmp_path):
    (tmp_path / "file").touch()
    status, known = (tmp_path / "file").stat(), KnownFiles[int]()
    of_size = [
        os.stat_result((*status[:6], size, *status[7:])) for size in range(_MOST + 1)
    ]
    for size, each in enumerate(of_size):
        known.add(each, size)
    assert [known.find(each) for each in of_size[:2]] == [None, 1]
    assert known.find(of_size[-1]) == _MOST
