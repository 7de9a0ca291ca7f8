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
    """A folder `shelf` with two splits of two classes; all images are distinct."""
    names = ("train/cat", "train/cat", "train/dog", "train/dog", "test/cat", "test/dog")
    for seed, name in enumerate(names):
        folder = tmp_path / "shelf" / name
        folder.mkdir(parents=True, exist_ok=True)
        smooth_image(seed).save(folder / f"{seed}.png")
    monkeypatch.setenv("KERAUNOS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "shelf"


def test_clean_data_exits_with_code_0(keraunos, shelf):
    answer = keraunos("audit", "shelf")
    assert answer.code == 0
    assert "6 image files" in answer.out
    assert answer.out.splitlines()[-1] == "Nothing here would spoil a training run."


def test_leaked_copies_exit_with_code_3_and_are_named(keraunos, shelf):
    shutil.copy(shelf / "train/cat/0.png", shelf / "test/dog/x.png")
    answer = keraunos("audit", "shelf/train", "shelf/test")
    assert answer.code == 3
    assert "✕ 1 group of exact copies in more than one split (2 files)" in answer.out
    assert "  shelf/train/cat/0.png = shelf/test/dog/x.png" in answer.out.splitlines()
    assert "1 filed under test/dog and train/cat" in answer.out
    assert answer.out.splitlines()[-1].startswith("This data would spoil a training run.")


def test_table_has_a_row_per_class_and_a_column_per_split(keraunos, shelf):
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


def test_conflicting_files_have_their_own_column(keraunos, shelf):
    shutil.copy(shelf / "train/cat/0.png", shelf / "train/dog/x.png")
    out = keraunos("audit", "shelf").out
    lines = [line.split("│") for line in out.splitlines()]
    cells = [[cell.strip() for cell in line[1:-1]] for line in lines if len(line) > 2]
    assert re.search(r"train ┃ conflict ┃ +test ┃$", out, re.MULTILINE)
    assert cells[:2] == [["cat", "2", "1", "1"], ["dog", "3", "1", "1"]]


def test_long_lists_of_copies_are_abbreviated(keraunos, shelf):
    for number in range(9):
        shutil.copy(shelf / "train/cat/0.png", shelf / f"train/dog/x{number}.png")
    (line,) = (x for x in keraunos("audit", "shelf").out.splitlines() if " = " in x)
    assert line.endswith("shelf/train/dog/x3.png and 5 more")


@pytest.mark.slow
def test_json_file_is_written_even_if_stdout_is_closed(shelf, tmp_path):
    script = f"{sys.executable} -m keraunos audit shelf --json a.json | true"
    subprocess.run(script, shell=True, cwd=tmp_path, check=True, stderr=subprocess.PIPE)
    assert json.loads((tmp_path / "a.json").read_text())["files"] == 6


@pytest.mark.slow
def test_progress_is_shown_on_a_terminal(shelf, tmp_path):
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


def test_json_and_html_files_contain_the_findings(keraunos, shelf, tmp_path):
    shutil.copy(shelf / "train/cat/0.png", shelf / "train/dog/x.png")
    answer = keraunos("audit", "shelf", "--json", "a.json", "--html", "a.html")
    found = json.loads((tmp_path / "a.json").read_text())
    group = ["shelf/train/cat/0.png", "shelf/train/dog/x.png"]
    assert answer.code == 3
    assert found["conflicts"] == {"exact": [group], "near": []}
    assert (tmp_path / "a.html").read_text().count("<figure>") == 2


def test_check_option_limits_the_search_to_exact_copies(keraunos, shelf):
    smooth_image(0).save(shelf / "test/dog/x.jpg", quality=30)
    assert keraunos("audit", "shelf").code == 3
    assert keraunos("audit", "shelf", "--check", "copies").code == 0
    assert keraunos("audit", "shelf", "--check", "everything").code == 2


@pytest.mark.parametrize("option", ["--json", "--html"])
@pytest.mark.parametrize("file", ["nowhere/file", "shelf"])
def test_unwritable_output_is_reported_before_the_audit_starts(
    option, file, keraunos, shelf, tmp_path
):
    answer = keraunos("audit", "shelf", option, file)
    assert answer.code == 2
    assert f"`{option}` must be writable" in answer.err
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("folder", ["nowhere", "shelf/train/cat"])
def test_folder_without_class_folders_exits_with_code_3(folder, keraunos, shelf):
    answer = keraunos("audit", folder)
    assert answer.code == 3
    assert folder in answer.err


def test_file_names_with_markup_are_shown_literally(keraunos, shelf):
    (shelf / "train/dog").rename(shelf / "train/[red]dog")
    (shelf / "train/cat/[bold]\n.jpg").write_bytes(b"")
    answer = keraunos("audit", "shelf/train")
    assert "[red]dog" in answer.out
    assert "shelf/train/cat/[bold]\\n.jpg: the file is empty" in answer.out


def test_second_audit_opens_no_images(keraunos, shelf):
    with opened_files() as opened:
        first = keraunos("audit", "shelf")
        count = sum(name.endswith(".png") for name in opened)
        assert count == len(list(shelf.rglob("*.png")))
        assert keraunos("audit", "shelf") == first
    assert sum(name.endswith(".png") for name in opened) == count
