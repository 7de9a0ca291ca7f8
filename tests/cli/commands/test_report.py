import json
import shutil

import pytest
import yaml
from helpers import contents
from keraunos import ImageData, Trainer
from report_pages import Page

MADE = {
    ".checksums",
    "calibration.json",
    "evaluation.json",
    "model_card.md",
    "report.html",
    "validation_predictions.csv",
}
PART = """
from keraunos.evaluation.finding import Finding

class Spy:
    def __init__(self, place="imported.txt"):
        open(place, "w").close()

    def evaluate(self, evidence):
        return Finding("Spy", values={"images": len(evidence.test)})
"""


@pytest.fixture
def copied(small_run, tmp_path):
    """A copy of a run that a test may change."""
    left = shutil.ignore_patterns(*MADE - {".checksums"})  # left by earlier tests
    return shutil.copytree(small_run, tmp_path / "run", ignore=left)


@pytest.fixture
def search(tmp_path):
    """A search without kept models."""
    (tmp_path / "search" / "trial-000").mkdir(parents=True)
    (tmp_path / "search" / "search.json").touch()
    (tmp_path / "search" / "results.csv").write_text("trial,status\n1,completed\n")
    return tmp_path / "search"


@pytest.fixture
def spy(copied, tmp_path, monkeypatch):
    """An evaluation part that creates a file when instantiated; config.yaml names it."""
    (tmp_path / "spying.py").write_text(PART)
    monkeypatch.syspath_prepend(tmp_path)
    config = (copied / "config.yaml").read_text()
    named = "evaluation:\n  spy: {class: 'spying:Spy'}\n"
    (copied / "config.yaml").write_text(config.replace("evaluation:\n", named, 1))
    return tmp_path / "imported.txt"


@pytest.mark.slow
@pytest.mark.feature("report")
def test_report_of_a_run_uses_its_own_files_and_runs_no_untrusted_code(
    keraunos, copied, spy
):
    before = contents(copied)
    answer = keraunos("report", copied, "evaluation.license=mit")
    assert answer.code == 0, answer.err
    assert answer.out == f"written: {copied / 'report.html'}\n"
    after = contents(copied)
    assert {name for name in after if after[name] != before.get(name)} <= MADE
    shown = Page((copied / "report.html").read_text()).text
    accuracy = json.loads((copied / "test.json").read_text())["accuracy"]
    assert f"accuracy {accuracy:.3f}" in shown
    assert "The predictions are the same as in predictions.csv" in shown
    assert "A custom network (own:build_model)" in shown
    assert "image of 32 by 32 pixels" in shown
    header = yaml.safe_load((copied / "model_card.md").read_text().split("---\n")[1])
    assert header["license"] == "mit"
    assert header["model-index"][0]["results"][0]["metrics"]
    content = json.loads((copied / "evaluation.json").read_text())
    assert "only the run's own files name" in content["spy"]["gaps"][0]
    assert not spy.exists()
    assert keraunos("test", copied).code == 0
    tested = json.loads((copied / "evaluation.json").read_text())
    assert tested["grad_cam"] == content["grad_cam"]
    assert tested["grad_cam"] == content["grad_cam"]


@pytest.mark.slow
def test_several_runs_are_reported_side_by_side_with_a_typed_part(
    keraunos, copied, search, spy, tmp_path
):
    shutil.copytree(copied, tmp_path / "other=1")
    trial = shutil.copytree(copied, search / "trial-001")
    part = "evaluation.spy={class: 'spying:Spy', place: typed.txt}"
    answer = keraunos("report", "search", "other=1", part, "--output", "both.html")
    assert answer.code == 0, answer.err
    shown = Page((tmp_path / "both.html").read_text()).text
    assert shown.startswith("Report on trial-001, other=1")
    assert "Side by side" in shown
    assert "Trials of the search This run is one of them" in shown
    assert not (trial / "report.html").exists()
    content = json.loads((tmp_path / "other=1" / "evaluation.json").read_text())
    assert content["spy"]["values"] == {"images": 12}
    assert (tmp_path / "typed.txt").exists()
    assert not spy.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "lost", ["images", pytest.param("model", marks=pytest.mark.nightly)]
)
def test_report_without_model_or_images_uses_the_written_results(
    keraunos, copied, lost, tmp_path
):
    if lost == "model":
        (copied / "model.keras").write_bytes(b"no model")
    else:
        config = (copied / "config.yaml").read_text()
        data = yaml.safe_load(config)["data"]["train"]
        (copied / "config.yaml").write_text(config.replace(data, str(tmp_path / "gone")))
    answer = keraunos("report", copied)
    assert answer.code == 0, answer.err
    shown = Page((copied / "report.html").read_text()).text
    assert "The model could not be tested again" in shown
    assert "all test images (12)" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "trainer.max_epochs=3"], "other settings of `evaluation`"),
        (["evaluation.calibration=null"], "Name at least one run"),
        (["nothing"], "RUN must be a run directory"),
        (["run", "run2"], "RUN must be a run directory"),
        (["search"], "must have kept the model of a trial"),
        (["run", "evaluation.calibratoin={}"], "Did you mean calibration?"),
        (["run", "--output", "nowhere/x.html"], "must be writable"),
    ],
)
def test_invalid_arguments_are_reported_before_any_work(
    keraunos, copied, search, unchanged, arguments, words
):
    answer = keraunos("report", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err
    assert unchanged()


@pytest.mark.slow
def test_python_api_writes_the_report_with_and_without_a_run(copied, lesions, tmp_path):
    data = ImageData.from_folder(lesions, image_size=32, batch_size=7)
    asked = {"grad_cam": None, "abstention": None, "label_doubts": None}
    for run_dir in (None, copied):
        trainer = Trainer(run_dir=run_dir, devices=1)
        result = trainer.test(copied, data, evaluation=asked)
        page = result.report(tmp_path / "page.html")
        shown = Page(page.read_text()).text
        assert f"accuracy {result.scores['accuracy']:.3f}" in shown
        assert result.findings["calibration"].figures["reliability"]
        has_run = run_dir is not None
        assert ("A custom network (own:build_model)" in shown) == has_run
        assert ("tested without a run directory" in shown) != has_run
        assert (copied / "evaluation.json").exists() == has_run
    assert not (copied / "report.html").exists()


@pytest.mark.slow
def test_invalid_setting_is_an_error_instead_of_a_report_without_model(keraunos, copied):
    before = contents(copied)
    answer = keraunos("report", copied, "evaluation.must_not_miss=[melanom]")
    assert answer.code == 2
    assert "melanom" in answer.err
    assert contents(copied) == before


@pytest.mark.parametrize(
    "name", ["run/report.html", "run/model_card.md", "search/report.html"]
)
def test_report_is_not_written_through_a_link(keraunos, copied, search, tmp_path, name):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / name).symlink_to(tmp_path / "mine.txt")
    (search / "trial-000" / "model.keras").touch()
    shutil.copy(copied / "config.yaml", search / "trial-000")
    answer = keraunos("report", (tmp_path / name).parent)
    assert (answer.code, "It is left as it is" in answer.err) == (2, True), answer.err
    assert (tmp_path / "mine.txt").read_text() == "mine"
