"""Any number of images go through a model; few are in memory, and it may stop at any."""

import csv
import io
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_image
from keraunos.core.errors import ConfigError
from keraunos.data.streams.image_names import ImageNames
from keraunos.data.streams.read_stream import ReadImage
from keraunos.export.portable.model import Model
from keraunos.prediction.output import Progress, ResumableFile
from keraunos.prediction.pipeline import Pipeline
from keraunos.prediction.predictor import Predicted, Predictor
from keraunos.prediction.rows import CsvRows, JsonRows
from prediction_fakes import image_names, pixels_of, read_without_decoding
from serving_models import CLASSES, SIZE, color_model, shares

PREDICTOR = Predictor({"colors": color_model()})
ROWS = CsvRows(PREDICTOR)


@dataclass
class Memory:
    """An output in memory that counts rows."""

    progress: Progress = field(default_factory=Progress)
    content: bytes = b""
    keeps: bool = True
    sizes: list[int] = field(default_factory=list)

    def append(self, content: bytes, progress: Progress) -> None:
        self.content += content if self.keeps else b""
        self.sizes.append(progress.rows - self.progress.rows)
        self.progress = progress

    def finish(self) -> None:
        pass


def table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode())))


def test_rows_match_the_images_in_order() -> None:
    output = Memory()
    read = read_without_decoding(image_names(50), every=7)
    Pipeline(PREDICTOR, ROWS, output, batch_size=8).send(read)
    rows = table(output.content)
    assert [row[0] for row in rows] == [f"{number:06}.png" for number in range(50)]
    for number, row in enumerate(rows, 1):
        if number % 7 == 0:
            assert row[1:] == ["", "", "", "", "it is damaged"]
            continue
        wanted = shares(pixels_of(number)[None])[0]
        assert np.array(row[2:5], float) == pytest.approx(wanted)
        assert row[1] == CLASSES[int(wanted.argmax())]
        assert row[5] == ""
    assert output.progress.rows == 50
    assert output.progress.unreadable == 7


def test_batches_are_filled_with_readable_images() -> None:
    seen: list[int] = []
    output = Memory()
    read = read_without_decoding(image_names(64), every=2)

    def see(predicted: Predicted) -> None:
        seen.append(len(predicted.answers.uncorrected))

    Pipeline(PREDICTOR, ROWS, output, 8, see).send(read)
    assert seen == [8, 8, 8, 8, 0]  # and the last one that can't be read
    every_one = (ReadImage(each, (), "no") for each in image_names(70))
    output = Memory()
    Pipeline(PREDICTOR, ROWS, output, 8).send(every_one)
    assert output.sizes == [32, 32, 6]


class NoRows:
    """Empty rows."""

    columns = ()
    head = b""

    def of(self, predicted: Predicted) -> bytes:
        return b""

    def names_in(self, path: Path) -> Iterator[str]:
        return iter(())


@pytest.mark.slow
def test_at_most_two_batches_of_100_000_images_are_in_memory() -> None:
    held: dict[int, weakref.ref[np.ndarray]] = {}
    most = [0]

    def read() -> Iterator[ReadImage]:
        for name in image_names(100_000):
            pixels = np.zeros((1, 1, 3), np.uint8)
            key = id(pixels)
            held[key] = weakref.ref(pixels, lambda _, key=key: held.pop(key))
            most[0] = max(most[0], len(held))
            yield ReadImage(name, (pixels,))

    output = Memory(keeps=False)
    Pipeline(PREDICTOR, NoRows(), output, batch_size=256).send(read())
    assert output.progress.rows == 100_000
    assert most[0] <= 2 * 256 + 2


def test_started_batch_is_written_before_stopping() -> None:
    stopped: list[bool] = []

    def read() -> Iterator[ReadImage]:
        for image in read_without_decoding(image_names(50)):
            if image.image.number == 5:
                stopped.append(True)
            yield image

    output = Memory()
    pipeline = Pipeline(PREDICTOR, ROWS, output, 8, is_stopped=lambda: bool(stopped))
    pipeline.send(read())
    assert output.progress.rows == len(table(output.content)) == 8


class KilledError(Exception):
    """Stands in for SIGKILL."""


@pytest.mark.parametrize("format", [CsvRows, JsonRows])
def test_interruption_after_any_batch_does_not_change_the_file(
    tmp_path: Path, format: type[CsvRows | JsonRows]
) -> None:
    for number in range(7):
        smooth_image(number, 20, 20).save(tmp_path / f"{number}.png")
    (tmp_path / "3.png").write_bytes(b"no image")
    names = ImageNames([str(tmp_path), str(tmp_path / "5.png")])
    rows = format(PREDICTOR)
    made_of = {"model": "a", "columns": rows.columns}

    def predict(file: Path, batches: int, resume: bool = False) -> None:
        left = [batches]

        def see(predicted: Predicted) -> None:
            left[0] -= 1
            if not left[0]:
                raise KilledError

        with ResumableFile(file, rows.head, made_of, resume) as output:
            pipeline = Pipeline(PREDICTOR, rows, output, 2, see)
            pipeline.stream(names.after(output.progress.last))
            output.finish()

    whole = tmp_path / "whole"
    predict(whole, 99)
    wanted = whole.read_bytes()
    assert len(list(rows.names_in(whole))) == 8
    for batches in (1, 2, 3):
        file = tmp_path / "resumed"
        with pytest.raises(KilledError):
            predict(file, batches)
        assert not file.exists()
        with (tmp_path / "resumed.partial").open("ab") as torn:
            torn.write(b"a torn ro")
        predict(file, 99, resume=True)
        assert file.read_bytes() == wanted
        assert not list(tmp_path.glob("resumed.*"))
        file.unlink()


def test_regression_ensemble_is_the_mean_without_intervals() -> None:
    widths = {"red": 0.1, "green": 0.1, "blue": 0.1}
    numbers = color_model(task="regression", interval_half_widths=widths)
    far = Model(numbers.document, lambda images: 100 * shares(images))
    predictor = Predictor({"one": numbers, "two": far})
    images = np.full((1, SIZE, SIZE, 3), [9, 0, 0], np.uint8)
    read = [ReadImage(next(ImageNames(["a.png"]).after()), (images[0],))]
    (found,) = predictor.describe(predictor.predict(read).answers)
    assert found["values"]["red"] == pytest.approx(50.5)
    assert found["intervals"] == dict.fromkeys(widths)
    with pytest.raises(ConfigError, match="must have the same task"):
        Predictor({"one": numbers, "two": color_model()})


def test_ensemble_averages_models_of_different_image_sizes(tmp_path: Path) -> None:
    smooth_image(1, 40, 40).save(tmp_path / "a.png")
    models = {"one": color_model(), "two": color_model(image_size=2 * SIZE)}
    predictor = Predictor(models)
    assert [each.size for each in predictor.decodings] == [SIZE, 2 * SIZE]
    output = Memory()
    Pipeline(predictor, CsvRows(predictor), output).stream(
        ImageNames([str(tmp_path / "a.png")]).after()
    )
    content = (tmp_path / "a.png").read_bytes()
    each = [shares(model.decode(content)[None])[0] for model in models.values()]
    assert np.array(table(output.content)[0][2:5], float) == pytest.approx(
        np.mean(each, axis=0)
    )
