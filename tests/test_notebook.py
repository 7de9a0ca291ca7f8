"""The notebooks run in their own kernel, and show what they should."""

import base64
import io
import os
import re
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest
from helpers import SECONDS_AT_MOST
from PIL import Image

NOTEBOOKS = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))


def run_cells(notebook: Any, folder: Path) -> Any:
    client = nbclient.NotebookClient(
        notebook, timeout=SECONDS_AT_MOST, kernel_name="python3"
    )
    client.execute(cwd=str(folder), env=dict(os.environ))
    return notebook


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def read(name: str) -> Any:
    (path,) = (path for path in NOTEBOOKS if path.stem == name)
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    folder = tmp_path_factory.mktemp("notebook")
    return code_cells(run_cells(read("skin_lesion"), folder))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_begins_with_installation_and_has_no_stored_outputs(path: Path) -> None:
    first, *others = code_cells(read(path.stem))
    assert 'find_spec("keraunos") is None:\n    %pip install' in first.source
    assert not any(cell.outputs or cell.execution_count for cell in [first, *others])


def outputs_of(cells: list[Any], code: str) -> list[Any]:
    (found,) = [cell.outputs for cell in cells if cell.source.startswith(code)]
    return found


@pytest.mark.nightly
@pytest.mark.parametrize(
    "code",
    [
        "data.show()",
        "data.show_augmented()",
        "result.plot()",
        "test.show_confusion_matrix()",
        "test.show_mistakes(",
    ],
)
def test_images_are_shown_below_their_cells(cells: list[Any], code: str) -> None:
    (output,) = outputs_of(cells, code)
    content = base64.b64decode(output.data["image/png"])
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
    assert min(pixels.shape) > 200
    assert len(np.unique(pixels)) > 50


@pytest.mark.nightly
def test_installation_cell_does_nothing_if_already_installed(cells: list[Any]) -> None:
    assert cells[0].outputs == []


@pytest.mark.nightly
def test_two_devices_match_one_with_trainer_but_not_with_model_fit(
    tmp_path: Path,
) -> None:
    done = run_cells(read("two_devices"), tmp_path)
    printed = "".join(
        output.get("text", "") for cell in code_cells(done) for output in cell.outputs
    )
    found = dict(re.findall(r"^(.+), largest difference: (.+)$", printed, re.MULTILINE))
    assert float(found["Model.fit"]) > 1e-3
    assert float(found["Trainer"]) < 1e-4
    assert "3 epochs" in printed


@pytest.mark.nightly
@pytest.mark.feature("progress")
def test_training_progress_is_a_single_updated_output(cells: list[Any]) -> None:
    progress, *waiting, reason = outputs_of(cells, "trainer = kr.Trainer(")
    # A busy machine needs longer than the ten seconds after which features report.
    said = [each.data["text/plain"] for each in waiting]
    assert all(line.startswith("Computing features: ") for line in said)
    lines = progress.data["text/plain"].splitlines()
    assert [line.split()[0] for line in lines if line.startswith("epoch")] == [
        f"epoch={number}/3" for number in (1, 2, 3)
    ]
    assert "max_epochs=3 is reached" in lines[-1]
    assert reason.data["text/plain"] == "'max_epochs=3 is reached'"


INTERRUPTED = """
import os, signal
import keras, numpy as np, tensorflow as tf
import keraunos as kr

class PressTheButton(kr.callbacks.Callback):
    def on_train_step_end(self, run):
        if run.step == 3:
            os.kill(os.getpid(), signal.SIGINT)

def build():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    return model

x = np.arange(40.0).reshape(10, 4)
dataset = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(2)
result = kr.Trainer(max_epochs=2, callbacks=[PressTheButton()]).fit(build, dataset)
print(result.stop_reason, result.is_finished)
"""


@pytest.mark.nightly
def test_interrupting_leaves_the_kernel_alive(tmp_path: Path) -> None:
    still_there = "print(1 + len(result.history))"
    cells = [nbformat.v4.new_code_cell(code) for code in (INTERRUPTED, still_there)]
    done = run_cells(nbformat.v4.new_notebook(cells=cells), tmp_path)
    texts = [output.get("text") for cell in done.cells for output in cell.outputs]
    assert "interrupted False\n" in texts
    assert "1\n" in texts
