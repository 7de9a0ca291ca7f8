"""Shared fixtures of the command-line tests: commands and a finished run."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from helpers import contents
from keraunos.cli.main import main
from keraunos.data.synthetic.lesions import KINDS, draw_lesion
from PIL import Image
from programs import fork_keraunos

BUILDER = """
import keras

def build_model(classes=9, size=32, optimizer="adam"):
    model = keras.Sequential([
        keras.Input((size, size, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(classes, "softmax"),
    ])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def fail():
    raise LookupError("the user's own mistake")
"""


@dataclass(frozen=True)
class Answer:
    """Result of a command: its exit code and both output streams."""

    code: int
    out: str
    err: str


Command = Callable[..., Answer]


@pytest.fixture
def keraunos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs a command in this process, in an empty folder and a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        written = capsys.readouterr()
        return Answer(code, written.out, written.err)

    return run


@pytest.fixture
def small(lesions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments of a run that takes seconds: a custom builder on one device."""
    return write_small_run(lesions, tmp_path, monkeypatch)


def write_small_run(data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Writes own.yaml and own.py into a folder, and makes them importable."""
    (folder / "own.yaml").write_text(
        f"data: {{train: {data}, image_size: 32, batch_size: 7}}\n"
        "model: {builder: 'own:build_model'}\n"
        "trainer: {devices: 1, max_epochs: 2}\n"
        "callbacks: {tensorboard: null, figures: null}\n"
    )
    (folder / "own.py").write_text(BUILDER)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "own", raising=False)
    return ["own.yaml"]


@pytest.fixture
def unchanged(tmp_path: Path) -> Callable[[], bool]:
    """Returns a function that checks whether the folder is still as it was."""
    before = contents(tmp_path)
    return lambda: contents(tmp_path) == before


@pytest.fixture(scope="session")
def once_for_all(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Fills a folder in the first pytest process that needs it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def filled(name: str, fill: Callable[[Path], None]) -> Path:
        folder, is_filled = shared / name, shared / f"{name} is filled"
        with FileLock(shared / f"{name}.lock"):
            if not is_filled.exists():
                folder.mkdir()
                fill(folder)
                is_filled.touch()
        return folder

    return filled


@pytest.fixture(scope="session")
def lesions(once_for_all: Callable[..., Path]) -> Path:
    """Drawn lesions: 45 for training and 16 for testing, which lack one class."""

    def draw(root: Path) -> None:
        for place, name in enumerate(KINDS):
            for split, count in (("train", 3 + place % 5), ("test", place % 4)):
                folder = root / split / name
                for number in range(count):
                    folder.mkdir(parents=True, exist_ok=True)
                    image = draw_lesion(name, seed=len(split), number=number)
                    Image.fromarray(image).save(folder / f"{number}.png")

    return once_for_all("lesions", draw)


@pytest.fixture(scope="session")
def finished_run(lesions: Path, once_for_all: Callable[..., Path]) -> Path:
    """A run of the quickstart recipe on a few images, in its own process.

    Two of four virtual devices, so that commands in this process, which has four, can
    continue with it.
    """
    settings = (
        f"data.train={lesions}",
        "data.image_size=32",
        "data.batch_size=7",
        "model.backbone=MobileNetV3Small",
        "trainer.cpu_devices=4",
        "trainer.devices=2",
        "trainer.max_epochs=2",
    )

    def fit(folder: Path) -> None:
        done = fork_keraunos("fit", "quickstart", *settings, cwd=folder)
        assert done.returncode == 0, done.stderr
        (folder / "stdout.txt").write_text(done.stdout)
        (folder / "stderr.txt").write_text(done.stderr)

    return once_for_all("finished", fit) / "runs" / "quickstart-001"


@pytest.fixture(scope="session")
def small_run(lesions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a small model on the same images, in this process."""
    folder = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        arguments = write_small_run(lesions, folder, monkeypatch)
        assert main(["fit", *arguments]) == 0
    return folder / "runs" / "own-001"


@pytest.fixture(
    params=["small_run", pytest.param("finished_run", marks=pytest.mark.nightly)]
)
def run(request: pytest.FixtureRequest) -> Path:
    """A finished run of either kind."""
    return request.getfixturevalue(request.param)
