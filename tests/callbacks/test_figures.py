import numpy as np
from hand_made_runs import end_epoch, end_fit, new_run
from keraunos import ImageData
from keraunos.callbacks import Figures
from keraunos.callbacks.figures import draw_data
from PIL import Image


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_data_figures_are_drawn_before_training_and_curves_after(image_folder, tmp_path):
    data = ImageData.from_folder(image_folder / "train", image_size=32)
    run, drawing = new_run(run_dir=tmp_path, data=data), Figures()
    drawing.on_fit_begin(run)
    assert run.background.wait()
    assert {path.name for path in tmp_path.iterdir()} == {"samples.png", "augmented.png"}
    end_epoch(run, drawing, loss=0.5, val_loss=0.25)
    end_fit(run, drawing)
    for name in ("samples", "augmented", "curves"):
        assert pixels(tmp_path / f"{name}.png").std() > 5


def test_drawing_the_same_data_twice_gives_the_same_images(image_folder, tmp_path):
    data = ImageData.from_folder(image_folder / "train", image_size=32)
    files = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        files.append(draw_data(data, tmp_path / name))
    assert [path.name for path in files[0]] == ["samples.png", "augmented.png"]
    for first, second in zip(*files, strict=True):
        np.testing.assert_array_equal(pixels(first), pixels(second))


def test_only_curves_are_drawn_without_image_data(tmp_path):
    run, drawing = new_run(run_dir=tmp_path, data="rows of a table"), Figures()
    drawing.on_fit_begin(run)
    end_epoch(run, drawing, loss=0.5)
    end_fit(run, drawing)
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


def test_a_fit_without_an_epoch_or_a_directory_draws_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    end_fit(new_run(run_dir=tmp_path), Figures())
    run = new_run()
    end_epoch(run, Figures(), loss=0.5)
    end_fit(run, Figures())
    assert not list(tmp_path.iterdir())
