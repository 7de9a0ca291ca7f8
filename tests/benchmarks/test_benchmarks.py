"""Scripts in benchmarks/ run at the smallest size and end with a line of JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from color_network import write_color_export
from helpers import SECONDS_AT_MOST, make_images
from keraunos.data.synthetic.lesions import draw_lesion
from PIL import Image

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.nightly


def run_benchmark(script: str, *options: str, cwd: Path) -> dict[str, Any]:
    """The last line that a script prints."""
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *options],
        cwd=cwd,
        env={**os.environ, "KERAUNOS_CACHE_DIR": str(cwd / "cache")},
        capture_output=True,
        text=True,
        timeout=SECONDS_AT_MOST,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_speed_of_a_frozen_network_is_measured(tmp_path: Path) -> None:
    options = "--image-size=32 --batch-size=2 --steps=2 --epochs=1 --rounds=1"
    result = run_benchmark("frozen_step.py", *options.split(), cwd=tmp_path)
    assert min(result["images_per_second"].values()) > 0


def test_memory_of_many_fits_is_measured(tmp_path: Path) -> None:
    result = run_benchmark("many_fits.py", "--fits=12", cwd=tmp_path)
    assert set(result["mib_per_fit"]) == {"keraunos", "model.fit"}
    assert {len(values) for values in result["mib"].values()} == {12}


def test_step_overhead_is_at_most_twice_that_of_the_last_release(tmp_path: Path) -> None:
    """Relative to a handwritten loop in the same run, since both share the machine."""
    options = "--steps=160 --epochs=3 --rounds=1 --sides keraunos by_hand --record=now.json"
    result = run_benchmark("step_overhead.py", *options.split(), cwd=tmp_path)
    assert len(result["milliseconds"]) == 2 * 2 * 2
    released = json.loads((BENCHMARKS / "step_overhead.json").read_text())
    now = json.loads((tmp_path / "now.json").read_text())
    for case in released:
        print(f"{case:>8}  released {released[case]:.2f}  now {now[case]:.2f}")
    assert [case for case in released if now[case] > 2 * released[case]] == []


def test_another_environment_alternates_with_this_one(tmp_path: Path) -> None:
    options = "--steps=16 --epochs=1 --rounds=1 --replicas 1 --calls 16"
    command = (*options.split(), f"--against={sys.executable}")
    result = run_benchmark("step_overhead.py", *command, cwd=tmp_path)
    assert [each["side"] for each in result["milliseconds"]] == ["this one", "the other"]


def test_serving_is_compared_with_a_bare_loop_and_a_bare_handler(tmp_path: Path) -> None:
    write_color_export(tmp_path / "export")
    options = "export --seconds=0.5 --clients 2 --rounds=1"
    rows = run_benchmark("serving.py", *options.split(), cwd=tmp_path)["serving"]
    assert len({each["side"] for each in rows}) == 5
    assert all(set(each["statuses"]) == {"200"} for each in rows)


def test_speed_of_fine_tuning_is_measured(tmp_path: Path) -> None:
    sizes = "--network=MobileNetV2 --image-size=32 --batch-size=2 --steps=2 --rounds=1"
    result = run_benchmark("finetune_step.py", *sizes.split(), "--sides=1", cwd=tmp_path)
    assert result["sides"]["1"]["images_per_second"] > 0


def test_cost_of_callbacks_is_measured(tmp_path: Path) -> None:
    options = "--images=40 --epochs=1 --rounds=1"
    result = run_benchmark("callback_cost.py", *options.split(), cwd=tmp_path)
    assert min(result["milliseconds_a_step"].values()) > 0
    assert len(result["seconds_between_epochs"]) == 4


def test_cost_of_sampling_steps_is_measured(tmp_path: Path) -> None:
    options = "--samples=5 --rounds=1 --models head"
    result = run_benchmark("health.py", *options.split(), cwd=tmp_path)
    cost, low, high = result["sample_ms"]["head"]
    assert 0 < low <= cost <= high
    assert result["between"]["without"] > 0


def test_speed_of_the_input_pipeline_is_measured(tmp_path: Path) -> None:
    options = "--sizes 60x50 --megapixels 0.12 --cpus 1 --rounds 1 --seconds 0"
    result = run_benchmark("input_pipeline.py", *options.split(), cwd=tmp_path)["60x50"][
        "1"
    ]
    assert result.pop("contention")["images_per_second"].keys() >= {"1", "16"}
    assert len(result) >= 7
    assert min(each["images_per_second"] for each in result.values()) > 0


def test_speedup_of_the_feature_cache_is_measured(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "images", {"cat": 6, "dog": 4}, size=40)
    options = f"--train={folder} --image-size=32 --epochs=1"
    result = run_benchmark("feature_cache.py", *options.split(), cwd=tmp_path)
    assert result["options"]["epochs"] == 1


def test_whole_processes_are_timed(tmp_path: Path) -> None:
    options = "--images=20 --size=32 --epochs=1"
    result = run_benchmark("whole_process.py", *options.split(), cwd=tmp_path)
    assert set(result["ratio_to_tutorial"]) == {"tutorial", "keraunos float32"}
    (run,) = result["runs"]["keraunos float32"]
    parts = {"start", "passes", "training", "callbacks", "export", "end"}
    assert parts <= set(run["parts"])
    assert sum(run["parts"].values()) <= run["seconds"]


def test_parts_of_a_search_are_timed(tmp_path: Path) -> None:
    options = "--images=40 --image-size=32 --trials=2 --epochs=1 --sides=keraunos"
    (row,) = run_benchmark("search.py", *options.split(), cwd=tmp_path)["rows"]
    assert row["trials"] == 2
    assert set(row["parts"]) >= {"passes", "heads", "oracle", "notes"}


def test_memory_is_measured_and_extrapolated(tmp_path: Path) -> None:
    options = "--images=80 --extrapolate=120"
    result = run_benchmark("memory.py", *options.split(), cwd=tmp_path)
    sides = {"nothing", "tutorial", "keraunos"}
    assert set(result["mib"]) == {"20", "80"}
    assert set(result["extrapolated_mib"]) == sides
    assert all(result["mib"]["80"][side]["own"] > 100 for side in sides)


def test_predicted_scaling_is_plausible(tmp_path: Path) -> None:
    options = "--frozen=2500 --fine-tuned=800"
    predicted = run_benchmark("scaling_model.py", *options.split(), cwd=tmp_path)[
        "predicted"
    ]
    speed_ups = {
        name: [row["speed_up"] for row in rows] for name, rows in predicted.items()
    }
    assert set(speed_ups) == {"frozen", "fine-tuned"}
    assert speed_ups["frozen"][0] == 1
    assert speed_ups["frozen"][3] > speed_ups["fine-tuned"][3] > 1


def test_crash_campaign_counts_kills_of_keras(tmp_path: Path) -> None:
    options = ("--kills=2", "--only=keras")
    result = run_benchmark("crash_campaign.py", *options, cwd=tmp_path)
    assert result["keras"]["kills"] == 2


def test_ten_kills_lose_no_more_than_the_unsaved_interval(tmp_path: Path) -> None:
    options = ("--kills=10", "--only=keraunos", "--seed=1")
    tally = run_benchmark("crash_campaign.py", *options, cwd=tmp_path)["keraunos"]
    assert tally["kills"] == 10
    assert [tally["unreadable"], tally["different"]] == [0, 0]
    assert tally["lost"] <= 7  # one more interval, while its checkpoint is being written


def test_rendezvous_attacks_neither_end_a_run_nor_cost_memory(tmp_path: Path) -> None:
    """Every attack is carried out completely."""
    options = ("--count=600", "--hello-seconds=1")  # more than the chief may open files
    attacks = run_benchmark("rendezvous_attack.py", *options, cwd=tmp_path)["attacks"]
    assert len(attacks) == 7
    for name, found in attacks.items():
        assert found["error"] == "", (name, found)
        assert found["refused"] == (50 if name == "slow loris" else 600), (name, found)
        assert found["peak_kib"] < 4096, (name, found)
        assert found["rss_kib"] < 32 * 1024, (name, found)


def test_no_damage_goes_undetected(tmp_path: Path) -> None:
    options = "--subjects=run --files=run/classes.txt --commands=predict"
    result = run_benchmark("damage_campaign.py", *options.split(), cwd=tmp_path)
    assert result["cells"] == 5
    assert result["bad"] == []
    assert result["outcomes"] == {"mended": 5}


def test_effect_of_xla_on_step_time_is_measured(tmp_path: Path) -> None:
    options = "--steps=4 --rounds=1 --models=mlp"
    (result,) = run_benchmark("xla.py", *options.split(), cwd=tmp_path)["milliseconds"]
    assert min(min(result[side]) for side in ("without", "with", "bare")) > 0


def test_exports_of_a_calibrated_backbone_agree_with_it(tmp_path: Path) -> None:
    options = "--cases calibrated --formats onnx litert openvino --count 18"
    rows = run_benchmark("export_parity.py", *options.split(), cwd=tmp_path)["rows"]
    assert [row["format"] for row in rows] == ["onnx", "litert", "openvino"]
    for row in rows:
        assert row["agreement"] == 1
        assert max(row["largest_difference"], row["in_batches"]) < 1e-4
        assert row["spread"] > 0.05


def test_prediction_on_folders_of_images_is_measured(tmp_path: Path) -> None:
    result = run_benchmark("predict_folder.py", "--images", "40", "400", cwd=tmp_path)
    assert set(result["results"]) == {"40", "400"}
    assert all(each["mib"] > 50 for each in result["results"]["400"].values())


def draw_lesions(folder: Path, numbers: range) -> None:
    for name in ("melanoma", "nevus"):
        (folder / name).mkdir(parents=True)
        for number in numbers:
            image = Image.fromarray(draw_lesion(name, seed=0, number=number))
            image.save(folder / name / f"{number}.png")


def test_each_cell_of_better_models_is_trained_and_scored_once(tmp_path: Path) -> None:
    draw_lesions(tmp_path / "drawn" / "Train", range(10))
    draw_lesions(tmp_path / "drawn" / "Test", range(10, 13))
    options = (
        *("--data=drawn", "--results=r.jsonl", "--cells", "frozen", "effort_quick"),
        *("--image-size=32", "--seeds=1", "--folds=1", "--settings"),
        *("model.backbone=MobileNetV2", "model.weights=null", "trainer.max_epochs=2"),
    )
    cells = run_benchmark("better_models.py", *options, cwd=tmp_path)["cells"]
    assert [cells[name]["trainings"] for name in ("frozen", "effort_quick")] == [1, 1]
    assert cells["frozen"]["validation"] is not None
    assert cells["effort_quick"]["validation"] is None
    lines = (tmp_path / "r.jsonl").read_bytes()
    assert run_benchmark("better_models.py", *options, cwd=tmp_path)["cells"] == cells
    assert (tmp_path / "r.jsonl").read_bytes() == lines


def test_simulated_search_choices_are_compared_and_reused(tmp_path: Path) -> None:
    options = (
        *("--results=r.jsonl", "--seeds=2", "--images=90", "--fresh=90", "--trials=3"),
        *("--folds=2", "--backbone=MobileNetV2", "--image-size=32"),
    )
    found = run_benchmark("search_choice.py", *options, cwd=tmp_path)
    assert all(0 < score <= 1 for score in found["true_scores"].values())
    mean, low, high = found["differences"]["folds-split, refit"]
    assert low <= mean <= high
    assert set(found["bias"]) >= {"split, score", "folds, score", "folds, corrected"}
    assert found["folds_unraced"] == 2 * 3
    lines = (tmp_path / "r.jsonl").read_bytes()
    assert run_benchmark("search_choice.py", *options, cwd=tmp_path) == found
    assert (tmp_path / "r.jsonl").read_bytes() == lines


def test_no_image_passes_the_backbone_twice_in_a_search_over_folds(tmp_path: Path) -> None:
    options = (
        *("--images=60", "--image-size=32", "--strengths=0.5", "--trials=1"),
        *("--views=2", "--epochs=2", "--folds=3"),
    )
    found = run_benchmark("search_folds.py", *options, cwd=tmp_path)
    alone, folds = found["rows"]
    assert folds["parts"]["features"] == 60 * (2 + 1)  # two versions, and the originals
    for row in (alone, folds):
        assert row["repeated"] == row["parts"]["checks"]
    assert found["ratio"] == folds["passes"] / alone["passes"]
