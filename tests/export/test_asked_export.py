"""Any failure of an export's process is detected, and no process is left over."""

import os
from pathlib import Path

import numpy as np
import pytest
from keraunos.core.errors import ConfigError
from keraunos.export.asked_export import ask_export, read_answers
from programs import is_running, wait_for

CLASSES = ("cat", "dog")
ROW = '{"file": "a", "class": "dog", "probabilities": {"dog": 0.75, "cat": 0.25}}\n'
REFUSED = '{"file": "b", "error": "it is empty"}\n'


def script(folder: Path, text: str) -> Path:
    (folder / "predict.py").write_text(f"import os, signal, sys, time\n{text}\n")
    return folder


def test_probabilities_are_put_in_class_order(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    files = [tmp_path / "images" / name for name in ("a.png", "-b.png")]
    program = f"""
assert sys.argv[1:] == ["--from-bytes", "--", "a.png", "-b.png"], sys.argv
assert os.getcwd() == {str(files[0].parent)!r}
assert os.environ["CUDA_VISIBLE_DEVICES"] == "-1"
sys.stdout.write({ROW + REFUSED!r})
sys.exit(3)
"""
    options = ("--from-bytes",)
    found = ask_export(script(tmp_path, program), files, CLASSES, options)
    assert found.probabilities.tolist() == [[0.25, 0.75], [0, 0]]
    assert found.named.tolist() == [1, 0]
    assert found.refused == {1: "it is empty"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV"),
        ("raise MemoryError('no tensor fits')", "no tensor fits"),
        ("time.sleep(1000)", "must finish within 0.5 seconds"),
    ],
)
def test_crashing_or_hanging_runtime_is_an_error(
    tmp_path: Path, program: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        ask_export(
            script(tmp_path, program), [tmp_path / "a.png"], CLASSES, timeout_seconds=0.5
        )


@pytest.mark.slow
def test_child_processes_of_a_runtime_are_terminated(tmp_path: Path) -> None:
    program = """
child = os.fork()
if child:
    open(os.path.join(os.path.dirname(__file__), "child"), "w").write(str(child))
time.sleep(1000)
"""
    with pytest.raises(ConfigError, match="must finish within"):
        ask_export(
            script(tmp_path, program), [tmp_path / "a.png"], CLASSES, timeout_seconds=1.5
        )
    child = int((tmp_path / "child").read_text())
    assert os.getpid() != child
    wait_for(lambda: not is_running(child))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "0 lines for 1 images"),
        (ROW + ROW, "2 lines for 1 images"),
        ("hello\n", "JSONDecodeError"),
        ("[1]\n", "TypeError"),
        ("{}\n", "KeyError: 'probabilities'"),
        (ROW.replace('"dog"', '"fox"'), "its classes are fox, cat"),
        (ROW.replace('"class": "dog"', '"class": "fox"'), "'fox' is not in list"),
        (ROW.replace("0.25", '"a lot"'), "could not convert"),
        (ROW.replace("0.25", "null"), "TypeError"),
    ],
)
def test_malformed_output_is_an_error(written: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_answers(written, 1, CLASSES)


def test_nan_is_preserved() -> None:
    found = read_answers(ROW.replace("0.25", "NaN"), 1, CLASSES)
    assert np.isnan(found.probabilities[0, 0])
