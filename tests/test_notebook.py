"""The notebook of the tutorial runs in a kernel of its own, and shows what it should."""

import base64
import io
import os
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(300)]


def run_cells(notebook: Any, folder: Path) -> Any:
    client = nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3")
    client.execute(cwd=str(folder), env=dict(os.environ))
    return notebook


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    notebook = nbformat.read(EXAMPLES / "skin_lesion.ipynb", as_version=4)
    done = run_cells(notebook, tmp_path_factory.mktemp("notebook"))
    return [cell for cell in done.cells if cell.cell_type == "code"]


def outputs_of(cells: list[Any], code: str) -> list[Any]:
    (found,) = [cell.outputs for cell in cells if cell.source.startswith(code)]
    return found


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
def test_images_are_drawn_below_their_cells(cells: list[Any], code: str) -> None:
    (output,) = outputs_of(cells, code)
    content = base64.b64decode(output.data["image/png"])
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
    assert min(pixels.shape) > 200
    assert len(np.unique(pixels)) > 50


@pytest.mark.feature("progress")
def test_training_is_one_output_whose_last_line_changed(cells: list[Any]) -> None:
    progress, reason = outputs_of(cells, "trainer = kr.Trainer(")
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


def test_interrupting_leaves_the_kernel_alive(tmp_path: Path) -> None:
    still_there = "print(1 + len(result.history))"
    cells = [nbformat.v4.new_code_cell(code) for code in (INTERRUPTED, still_there)]
    done = run_cells(nbformat.v4.new_notebook(cells=cells), tmp_path)
    texts = [output.get("text") for cell in done.cells for output in cell.outputs]
    assert "interrupted False\n" in texts
    assert "1\n" in texts
