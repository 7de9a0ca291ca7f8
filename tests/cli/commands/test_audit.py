import json
import os
import pty
import re
import shutil
import subprocess
import sys

import pytest
from helpers import opened_files, smooth_image


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder `shelf` of two splits of two classes, all images unrelated."""
    names = ("train/cat", "train/cat", "train/dog", "train/dog", "test/cat", "test/dog")
    for seed, name in enumerate(names):
        folder = tmp_path / "shelf" / name
        folder.mkdir(parents=True, exist_ok=True)
        smooth_image(seed).save(folder / f"{seed}.png")
    monkeypatch.setenv("KERAUNOS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "shelf"


def test_images_that_are_in_order_end_with_0(keraunos, shelf):
    answer = keraunos("audit", "shelf")
    assert answer.code == 0
    assert "6 image files" in answer.out
    assert answer.out.splitlines()[-1] == "Nothing here would spoil a training run."


def test_a_leak_ends_with_3_and_is_named(keraunos, shelf):
    shutil.copy(shelf / "train/cat/0.png", shelf / "test/dog/x.png")
    answer = keraunos("audit", "shelf/train", "shelf/test")
    assert answer.code == 3
    assert "✕ 1 group of exact copies in more than one split (2 files)" in answer.out
    assert "  shelf/train/cat/0.png = shelf/test/dog/x.png" in answer.out.splitlines()
    assert "1 filed under test/dog and train/cat" in answer.out
    assert answer.out.splitlines()[-1].startswith("This data would spoil a training run.")


def test_the_table_has_a_row_a_class_and_a_column_a_split(keraunos, shelf):
    (shelf / "train/emu").mkdir()
    smooth_image(50).save(shelf / "train/emu/x.png")
    lines = [line.split("│") for line in keraunos("audit", "shelf").out.splitlines()]
    cells = [[cell.strip() for cell in line[1:-1]] for line in lines if len(line) > 2]
    assert cells == [
        ["cat", "2", "1"],
        ["dog", "2", "1"],
        ["emu", "1", "-"],
        ["all (imbalance)", "5 (2.0)", "2 (1.0)"],
    ]


def test_files_that_conflict_have_a_column_of_their_own(keraunos, shelf):
    shutil.copy(shelf / "train/cat/0.png", shelf / "train/dog/x.png")
    out = keraunos("audit", "shelf").out
    lines = [line.split("│") for line in out.splitlines()]
    cells = [[cell.strip() for cell in line[1:-1]] for line in lines if len(line) > 2]
    assert re.search(r"train ┃ conflict ┃ +test ┃$", out, re.MULTILINE)
    assert cells[:2] == [["cat", "2", "1", "1"], ["dog", "3", "1", "1"]]


def test_of_very_many_copies_of_an_image_some_are_named(keraunos, shelf):
    for number in range(9):
        shutil.copy(shelf / "train/cat/0.png", shelf / f"train/dog/x{number}.png")
    (line,) = (x for x in keraunos("audit", "shelf").out.splitlines() if " = " in x)
    assert line.endswith("shelf/train/dog/x3.png and 5 more")


@pytest.mark.slow
def test_the_files_are_written_even_if_nobody_reads_the_screen(shelf, tmp_path):
    script = f"{sys.executable} -m keraunos audit shelf --json a.json | true"
    subprocess.run(script, shell=True, cwd=tmp_path, check=True, stderr=subprocess.PIPE)
    assert json.loads((tmp_path / "a.json").read_text())["files"] == 6


@pytest.mark.slow
def test_a_terminal_is_shown_how_far_the_work_is(shelf, tmp_path):
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "keraunos", "audit", "shelf"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    subprocess.run(
        command, cwd=tmp_path, env=environment, check=True, stdout=end, stderr=end
    )
    os.close(end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert "Checking images" in shown
    assert "6/6" in shown
    assert "Looking for near copies" in shown


def test_json_and_html_hold_what_was_found(keraunos, shelf, tmp_path):
    shutil.copy(shelf / "train/cat/0.png", shelf / "train/dog/x.png")
    answer = keraunos("audit", "shelf", "--json", "a.json", "--html", "a.html")
    found = json.loads((tmp_path / "a.json").read_text())
    group = ["shelf/train/cat/0.png", "shelf/train/dog/x.png"]
    assert answer.code == 3
    assert found["conflicts"] == {"exact": [group], "near": []}
    assert (tmp_path / "a.html").read_text().count("<figure>") == 2


def test_near_copies_are_looked_for_unless_only_copies_are_asked_for(keraunos, shelf):
    smooth_image(0).save(shelf / "test/dog/x.jpg", quality=30)
    assert keraunos("audit", "shelf").code == 3
    assert keraunos("audit", "shelf", "--check", "copies").code == 0
    assert keraunos("audit", "shelf", "--check", "everything").code == 2


@pytest.mark.parametrize("option", ["--json", "--html"])
@pytest.mark.parametrize("file", ["nowhere/file", "shelf"])
def test_a_file_that_cannot_be_written_is_said_before_the_work(
    option, file, keraunos, shelf, tmp_path
):
    answer = keraunos("audit", "shelf", option, file)
    assert answer.code == 2
    assert f"`{option}` must be writable" in answer.err
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("folder", ["nowhere", "shelf/train/cat"])
def test_a_folder_without_class_folders_ends_with_3(folder, keraunos, shelf):
    answer = keraunos("audit", folder)
    assert answer.code == 3
    assert folder in answer.err


def test_names_are_shown_as_they_are(keraunos, shelf):
    (shelf / "train/dog").rename(shelf / "train/[red]dog")
    (shelf / "train/cat/[bold]\n.jpg").write_bytes(b"")
    answer = keraunos("audit", "shelf/train")
    assert "[red]dog" in answer.out
    assert "shelf/train/cat/[bold]\\n.jpg: the file is empty" in answer.out


def test_the_second_audit_opens_no_image(keraunos, shelf):
    with opened_files() as opened:
        first = keraunos("audit", "shelf")
        count = sum(name.endswith(".png") for name in opened)
        assert count == len(list(shelf.rglob("*.png")))
        assert keraunos("audit", "shelf") == first
    assert sum(name.endswith(".png") for name in opened) == count
