"""What a run may be resumed with, and what is refused."""

import shutil
from pathlib import Path
from typing import Any

import keras
import pytest
from helpers import classifier, contents, make_images, replicas
from keraunos import Augmentation, ConfigError, ImageData, Trainer
from keraunos.callbacks import Callback, EarlyStopping
from keraunos.trainer.checkpoint.resume import compare_settings
from resumable_runs import EPOCHS, STEPS, Sender, assert_equal, dataset, fit, lines, state

QUIET = {"progress_bar": None, "tensorboard": None}


@pytest.fixture(scope="module")
def interrupted_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was interrupted in its second epoch."""
    directory = tmp_path_factory.mktemp("interrupted")
    assert fit(directory, Sender("on_train_step_end", at_step=6)).signal
    return directory


def as_diff(change: str) -> str:
    """How `name: old -> new` is shown; for a name alone, how its line begins."""
    name, _, values = change.partition(": ")
    old, _, new = values.partition(" -> ")
    return f"  - {name}: {old}\n  + {name}: {new}" if new else f"  - {name}: "


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"max_epochs": 5}, "trainer.max_epochs: 3 -> 5"),
        ({"max_steps": 9}, "trainer.max_steps: None -> 9"),
        ({"max_time": "00:01:00:00"}, "trainer.max_time: None -> '00:01:00:00'"),
        ({"steps_per_execution": 4}, "trainer.steps_per_execution: 'auto' -> 4"),
        ({"limit_val_batches": 2}, "trainer.limit_val_batches: None -> 2"),
        ({"devices": 2}, "trainer.devices: 'auto' -> 2"),
    ],
)
def test_settings_that_change_no_step_are_shown_and_the_run_resumes(
    changed: Any, shown: str, interrupted_run: Path
) -> None:
    text = "\n".join(fit(interrupted_run, describe_only=True, **changed))
    assert "resumed: step-00000006-mid-epoch" in text
    assert f"settings that differ from before:\n{as_diff(shown)}" in text


def test_unchanged_settings_are_not_shown(interrupted_run: Path) -> None:
    assert "differ from before" not in "\n".join(fit(interrupted_run, describe_only=True))


def with_another_model(directory: Path) -> Any:
    trainer = Trainer(strategy=replicas(1), run_dir=directory, callbacks=QUIET)
    return trainer.fit(classifier(), dataset())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda run: fit(run, seed=1), "seed: 0 -> 1"),
        (lambda run: fit(run, optimizer="EMA"), "optimizer.class_name: 'Adam' -> 'AdamW'"),
        (
            lambda run: fit(run, optimizer="accumulation"),
            "optimizer.config.gradient_accumulation_steps: None -> 3",
        ),
        (
            lambda run: fit(run, precision="mixed_bfloat16"),
            "trainer.precision: 'float32' -> 'mixed_bfloat16'",
        ),
        (
            lambda run: fit(run, limit_train_batches=2),
            "trainer.limit_train_batches: None -> 2",
        ),
        (
            lambda run: fit(run, sync_batch_norm=False),
            "trainer.sync_batch_norm: 'auto' -> False",
        ),
        (with_another_model, "model.weights: "),
        (lambda run: fit(run, batch_size=2), "data.num_batches: 4 -> 7"),
    ],
)
def test_settings_that_change_the_result_are_refused_with_both_remedies(
    change: Any, named: str, interrupted_run: Path
) -> None:
    before = contents(interrupted_run)
    with pytest.raises(ConfigError, match="A run must be resumed with") as error:
        change(interrupted_run)
    assert as_diff(named) in str(error.value)
    assert "Restore them, or start a new run with another run_dir." in str(error.value)
    assert error.value.exit_code == 2
    assert contents(interrupted_run) == before


class ImageRun:
    """A run on images, whose data can be changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        make_images(root / "train", {"cat": 6, "dog": 5})

    def fit(self, *extra: Callback, **changed: Any) -> Any:
        options = {
            "image_size": 32,
            "batch_size": 4,
            "validation_split": 0.0,
            "cache": "memory",
        }
        data = ImageData.from_folder(self.root / "train", **(options | changed))
        trainer = Trainer(
            strategy=replicas(1),
            max_epochs=2,
            run_dir=self.root / "run",
            callbacks={**QUIET, "extra": extra[0]} if extra else QUIET,
        )
        return trainer.fit(self.build, data)

    def build(self) -> keras.Model:
        layers = [keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D()]
        model = keras.Sequential([*layers, keras.layers.Dense(2, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model


@pytest.fixture(scope="module")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> ImageRun:
    """One that was interrupted in its first epoch."""
    made = ImageRun(tmp_path_factory.mktemp("images"))
    assert made.fit(Sender("on_train_step_end", 2)).signal
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"batch_size": 5}, ["data.batch_size: 4 -> 5"]),
        ({"image_size": 40}, ["data.image_size: 32 -> 40"]),
        ({"seed": 3}, ["data.seed: 0 -> 3"]),
        ({"class_balance": "sampling"}, ["data.class_balance: 'none' -> 'sampling'"]),
        ({"validation_split": 0.3}, ["data.split: "]),
        (
            {"augmentation": Augmentation(color_jitter=0.2)},
            ["data.augmentation.color_jitter: None -> 0.2"],
        ),
        ({"batch_size": 6, "seed": 4}, ["data.batch_size: 4 -> 6", "data.seed: 0 -> 4"]),
    ],
)
def test_settings_that_change_image_batches_are_refused(
    change: Any, named: list[str], image_run: ImageRun
) -> None:
    refused(image_run, named, **change)


@pytest.mark.parametrize(
    ("added", "named"),
    [
        ({"dog": 2}, "data.split: "),
        ({"emu": 3}, "data.class_names: ['cat', 'dog'] -> ['cat', 'dog', 'emu']"),
    ],
)
def test_added_images_and_classes_are_refused(
    added: dict[str, int], named: str, image_run: ImageRun
) -> None:
    folder = image_run.root / "train"
    before = set(contents(folder))
    make_images(folder / "new", added, seed=5)
    for path in sorted((folder / "new").glob("*/*")):
        target = folder / path.parent.name / f"new-{path.name}"
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    shutil.rmtree(folder / "new")
    assert set(contents(folder)) > before
    refused(image_run, [named])
    for name in sorted(set(contents(folder)) - before, reverse=True):
        path = folder / name
        path.rmdir() if path.is_dir() else path.unlink()


def refused(image_run: ImageRun, named: list[str], **changed: Any) -> None:
    before = contents(image_run.root / "run")
    with pytest.raises(ConfigError, match="A run must be resumed with") as error:
        image_run.fit(**changed)
    assert all(as_diff(each) in str(error.value) for each in named)
    assert contents(image_run.root / "run") == before


@pytest.mark.slow
def test_finished_run_is_unchanged_and_explains_how_to_train_longer(tmp_path: Path) -> None:
    first = fit(tmp_path)
    assert first.is_finished
    before = state(tmp_path)
    text = "\n".join(fit(tmp_path, describe_only=True))
    assert "this run is finished: max_epochs=3 is reached. To continue, raise the" in text
    assert "resumed: " not in text
    again = fit(tmp_path)
    assert (again.is_finished, again.stop_reason) == (True, "max_epochs=3 is reached")
    assert again.history == first.history
    assert_equal(state(tmp_path), before)


@pytest.mark.slow
def test_more_epochs_equal_a_run_that_had_them_from_the_start(tmp_path: Path) -> None:
    fit(tmp_path / "longer", max_epochs=EPOCHS + 1)
    fit(tmp_path / "resumed", max_epochs=EPOCHS)
    assert fit(tmp_path / "resumed", max_epochs=EPOCHS + 1).is_finished
    assert_equal(state(tmp_path / "resumed"), state(tmp_path / "longer"))


def stops_early(directory: Path, **options: Any) -> Any:
    """A fit in which no epoch is better than the first."""
    stopping = EarlyStopping("loss", patience=2, min_delta=100.0)
    trainer = Trainer(
        strategy=replicas(1),
        run_dir=directory,
        callbacks={**QUIET, "early_stopping": stopping},
        **{"max_epochs": 6, **options},
    )
    return trainer.fit(classifier(), dataset())


@pytest.mark.slow
def test_early_stopped_run_stays_stopped_until_settings_change(
    tmp_path: Path,
) -> None:
    reason = stops_early(tmp_path).stop_reason
    assert reason.startswith("loss has not improved for 2 epochs")
    again = stops_early(tmp_path)
    assert (len(again.history["loss"]), again.stop_reason) == (3, reason)
    more = stops_early(tmp_path, max_epochs=7)
    assert len(more.history["loss"]) == 4
    assert more.stop_reason.startswith("loss has not improved for 3 epochs")


@pytest.mark.slow
def test_run_ended_by_max_steps_resumes_only_if_it_is_raised(tmp_path: Path) -> None:
    limit = {"max_steps": STEPS + 2}
    first = fit(tmp_path, **limit)
    assert first.stop_reason == "max_steps=6 is reached"
    assert first.is_finished
    again = fit(tmp_path, **limit)
    assert again.stop_reason == first.stop_reason
    assert [line["step"] for line in lines(tmp_path)] == [4, 6]
    fit(tmp_path, max_steps=STEPS + 5)
    assert [line["step"] for line in lines(tmp_path)] == [4, 6, 9]


@pytest.mark.nightly
@pytest.mark.feature("other number of devices")
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_run_resumes_on_another_number_of_replicas_with_the_same_batches(
    before: int, after: int, tmp_path: Path, whole: Any
) -> None:
    sender = Sender("on_train_step_end", STEPS + 2)
    assert fit(tmp_path, sender, count=before).signal
    assert fit(tmp_path, count=after).is_finished
    ours, theirs = state(tmp_path), whole()
    assert ours["documents"]["state"]["samples"] == theirs["documents"]["state"]["samples"]
    for mine, other in zip(lines(tmp_path), theirs["metrics"], strict=True):
        assert (mine["epoch"], mine["step"]) == (other["epoch"], other["step"])


def test_setting_known_to_only_one_version_is_a_difference() -> None:
    known, unknown = {"trainer": {"clip": 1.0}}, {"trainer": {}}
    with pytest.raises(ConfigError, match=r"  - trainer\.clip: 1\.0"):
        compare_settings(known, unknown)
    with pytest.raises(ConfigError, match=r"  \+ trainer\.clip: 1\.0"):
        compare_settings(unknown, known)
