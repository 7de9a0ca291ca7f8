import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import contents
from keraunos.cli.ensembles import find_members
from keraunos.cli.run_directories import next_run_directory, run_name, where_to_look
from keraunos.configs import load_config
from keraunos.core.errors import ConfigError


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("quickstart", "quickstart"),
        ("configs/my run.yaml", "my run"),
        ("runs/quickstart-003/config.yaml", "quickstart"),
        ("elsewhere/night-2-010/config.yaml", "night-2"),
        ("elsewhere/named/config.yaml", "named"),
    ],
)
def test_runs_are_named_after_their_recipe_file_or_run(source, name):
    assert run_name(source) == name


def test_new_run_gets_the_first_free_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = [next_run_directory("a") for _ in range(3)]
    assert [path.name for path in made] == ["a-001", "a-002", "a-003"]
    made[1].rmdir()
    assert next_run_directory("a").name == "a-002"
    assert next_run_directory("a").name == "a-004"
    assert next_run_directory("b").name == "b-001"


def test_runs_started_simultaneously_get_distinct_directories(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(next_run_directory, ["a"] * 24))
    assert len(set(made)) == 24


@pytest.mark.nightly
def test_run_can_be_repeated_from_another_working_directory(
    keraunos, small, lesions, tmp_path, monkeypatch
):
    (tmp_path / "here").symlink_to(lesions)
    settings = ("data.train=here", "data.validation_split=0.3", "seed=3")
    assert keraunos("fit", *small, *settings).code == 0
    first = Path("runs/own-001").absolute()
    before = contents(first)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert keraunos("fit", first / "config.yaml").code == 0
    assert contents(first) == before
    second = elsewhere / "runs" / "own-001"
    assert load_config([str(second / "config.yaml")]) == load_config(
        [str(first / "config.yaml")]
    )
    assert losses(second) == losses(first)
    assert keraunos("fit", first / "config.yaml").code == 0
    assert sorted(path.name for path in Path("runs").iterdir()) == ["own-001", "own-002"]


@pytest.mark.slow
def test_run_dir_setting_determines_the_directory(keraunos, small, tmp_path):
    answer = keraunos("fit", *small, f"run_dir={tmp_path}/deep/night")
    assert answer.code == 0
    assert (tmp_path / "deep" / "night" / "model.keras").is_file()
    assert not (tmp_path / "runs").exists()
    assert load_config([f"{tmp_path}/deep/night/config.yaml"]).run_dir is None


@pytest.mark.parametrize(
    "way",
    ["--dry-run", pytest.param("trainer.fast_dev_run=true", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("run_dir", [[], ["run_dir=named"]], ids=["no name", "a name"])
def test_dry_run_and_fast_dev_run_write_nothing(keraunos, small, unchanged, way, run_dir):
    answer = keraunos("fit", *small, way, *run_dir)
    assert (answer.code, answer.out) == (0, "")
    assert "34 train, 9 validation, 12 test images in 9 classes" in answer.err
    assert "steps: " in answer.err
    assert "36 parameters" in answer.err
    assert "othing was" in answer.err.splitlines()[-1]
    assert unchanged()


def losses(run: Path) -> list[float]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 2
    return [json.loads(line)["loss"] for line in lines]


def test_error_hint_names_a_model_inside_the_search(tmp_path):
    assert where_to_look(tmp_path) == "Look below `runs`."
    (tmp_path / "search.json").touch()
    assert where_to_look(tmp_path) == "It is an unfinished search."
    (tmp_path / "chosen.json").write_text('{"trial": "trial-002"}')
    assert where_to_look(tmp_path) == f"It is a search; try {tmp_path}/trial-002."
    for run in (tmp_path / "refit", tmp_path / "trial-002" / "fold-1"):
        run.mkdir(parents=True)
        (run / "model.keras").touch()
    assert where_to_look(tmp_path) == f"It is a search; try {tmp_path}/refit."
    assert "SearchResult.load_model()" in where_to_look(tmp_path / "trial-002")


def test_trial_without_kept_models_names_the_model_to_use(tmp_path):
    (tmp_path / "chosen.json").write_text('{"trial": "trial-002"}')
    trial = tmp_path / "trial-000"
    (trial / "fold-1").mkdir(parents=True)
    (trial / "config.yaml").write_text("data: {train: images, folds: 2}")
    with pytest.raises(ConfigError, match=r"search\.keep trials\. .*Try .*trial-002"):
        find_members([trial])
    (tmp_path / "chosen.json").unlink()
    with pytest.raises(ConfigError, match="All folds must be finished"):
        find_members([trial])
