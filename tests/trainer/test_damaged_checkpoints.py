"""A damaged checkpoint is found, named and skipped; nothing is lost or restarted."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import contents, replicas, weights_of
from keraunos import CheckpointError, Trainer
from keraunos.callbacks import Callback
from keraunos.core.bundle import Bundle, read_bundle, write_bundle
from keraunos.trainer.checkpoint.contents import ARRAYS, check_contents
from resumable_runs import EPOCHS, STEPS, Sender, assert_equal, dataset, fit, state

NEWEST, BEFORE = "step-00000007-mid-epoch", "step-00000006-mid-epoch"
OLDEST = "step-00000004"


@pytest.fixture(scope="module")
def interrupted_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was interrupted in its second epoch, after several checkpoints."""
    directory = tmp_path_factory.mktemp("interrupted")
    sender = Sender("on_train_step_end", at_step=7)
    fit(directory, sender)
    assert sender.sent == 1
    return directory


@pytest.fixture
def run(interrupted_run: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return shutil.copytree(interrupted_run, tmp_path / "run")


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def truncate(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def remove(file: Path) -> None:
    file.unlink()


def damage(file: Path, how: Callable[[Path], None]) -> None:
    """Damages a file, and makes sure that it is damaged."""
    before = file.read_bytes()
    how(file)
    assert not file.exists() or file.read_bytes() != before


NIGHTLY = pytest.mark.nightly
DAMAGES = [
    ("weights.safetensors", flip_a_bit, "weights.safetensors is damaged"),
    ("weights.safetensors", truncate, "weights.safetensors is damaged"),
    ("optimizer.safetensors", empty, "optimizer.safetensors is damaged"),
    ("metrics.safetensors", remove, "metrics.safetensors is missing"),
    ("state.json", flip_a_bit, "state.json is damaged"),
    ("settings.json", remove, "settings.json is missing"),
    ("manifest.json", remove, "no readable manifest.json"),
    ("manifest.json", truncate, "no readable manifest.json"),
    ("manifest.json", empty, "no readable manifest.json"),
]


@pytest.mark.feature("fallback")
@pytest.mark.parametrize(("file", "how", "words"), DAMAGES)
def test_damaged_newest_checkpoint_is_named_and_the_previous_one_used(
    file: str, how: Callable[[Path], None], words: str, run: Path
) -> None:
    damage(run / "checkpoints" / NEWEST / file, how)
    described = describe(run)
    assert f"resumed: {BEFORE} (epoch 2, after 6 steps)" in described
    assert f"skipped a damaged checkpoint: {run}/checkpoints/{NEWEST}" in described
    assert words in described


WRONG_TYPES = [
    ("state", "epoch", "2"),
    ("state", "step", -1),
    ("state", "epoch_step", None),
    ("state", "samples", [3]),
    ("state", "training_metrics", 0.5),
    ("state", "history", [0.5]),
    ("state", "history", {"loss": ["low"]}),
    ("state", "history", {"loss": [0.5] * 9}),
    ("state", "phases", {}),
    ("state", "stop_reason", 5),
    ("state", "callbacks", []),
    ("state", "callbacks", {"early_stopping": 3}),
    ("state", None, [1, 2]),
    ("settings", None, [1, 2]),
    ("settings", None, None),
]


@pytest.mark.parametrize(("name", "key", "value"), WRONG_TYPES)
def test_values_of_another_type_count_as_damage(name: str, key: str, value: Any) -> None:
    state = {
        "epoch": 1,
        "step": 4,
        "epoch_step": 0,
        "samples": 16,
        "validated_step": None,
        "training_metrics": None,
        "history": {"loss": [0.5]},
        "phases": [],
        "requested_phases": [],
        "stop_reason": None,
        "callbacks": {"early_stopping": {"best": 0.5}},
    }
    arrays: Any = {name: {} for name in ARRAYS}
    documents: dict[str, Any] = {"state": state, "settings": {"seed": 0}}
    check_contents(Path("step"), Bundle(arrays, documents))
    wrong = value if key is None else documents[name] | {key: value}
    with pytest.raises(CheckpointError, match=rf"step contains something else .*{name}"):
        check_contents(Path("step"), Bundle(arrays, documents | {name: wrong}))


@pytest.mark.parametrize("file", ["state", "settings"])
def test_checkpoint_with_values_of_another_type_is_skipped(file: str, run: Path) -> None:
    path = run / "checkpoints" / NEWEST
    bundle = read_bundle(path)
    shutil.rmtree(path)
    write_bundle(path, Bundle(bundle.arrays, {**bundle.documents, file: [1]}))
    described = describe(run)
    assert f"resumed: {BEFORE}" in described
    assert f"{NEWEST} contains something else ({file}: " in described


@pytest.mark.parametrize("label", ["model_checkpoint", "early_stopping"])
def test_unusable_callback_state_raises_checkpoint_error(label: str, run: Path) -> None:
    for name in (NEWEST, BEFORE, OLDEST):
        path = run / "checkpoints" / name
        bundle = read_bundle(path)
        callbacks = {**bundle.documents["state"]["callbacks"], label: {"other": 1}}
        state = {**bundle.documents["state"], "callbacks": callbacks}
        shutil.rmtree(path)
        write_bundle(path, Bundle(bundle.arrays, {**bundle.documents, "state": state}))
    with pytest.raises(CheckpointError, match="belongs to a different model"):
        fit(run)


def describe(run: Path) -> str:
    """What a fit would report before training."""
    before = contents(run)
    lines = fit(run, describe_only=True)
    assert contents(run) == before
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "how", "words"),
    [
        each if each[1] in (flip_a_bit, remove) else pytest.param(*each, marks=NIGHTLY)
        for each in DAMAGES
    ],
)
def test_run_ends_as_if_uninterrupted_after_any_damage(
    file: str, how: Callable[[Path], None], words: str, run: Path, whole: Any
) -> None:
    damage(run / "checkpoints" / NEWEST / file, how)
    assert_ends_like(whole(), run, set_aside=[NEWEST])


@pytest.mark.slow
def test_two_damaged_checkpoints_in_a_row_are_skipped(run: Path, whole: Any) -> None:
    damage(run / "checkpoints" / NEWEST / "weights.safetensors", flip_a_bit)
    damage(run / "checkpoints" / BEFORE / "manifest.json", remove)
    description = assert_ends_like(whole(), run, set_aside=[NEWEST, BEFORE])
    assert f"resumed: {OLDEST} (epoch 2, after 4 steps)" in description
    assert description.count("skipped a damaged checkpoint") == 2


def assert_ends_like(whole: dict[str, Any], run: Path, set_aside: list[str]) -> str:
    """Finishes a run, which must end like another and keep what was damaged."""
    description = describe(run)
    assert fit(run).is_finished
    ours = state(run)
    aside = [f"damaged-{name}-0" for name in set_aside]
    assert set(aside) <= set(ours["checkpoints"])
    ours["checkpoints"] = [name for name in ours["checkpoints"] if name not in aside]
    assert_equal(ours, whole)
    return description


def damage_every_checkpoint(checkpoints: Path) -> None:
    for path in checkpoints.glob("step-*"):
        damage(path / "weights.safetensors", flip_a_bit)


def damage_frozen_weights(checkpoints: Path) -> None:
    damage(checkpoints / "frozen" / "weights.safetensors", flip_a_bit)


@pytest.mark.parametrize("spoil", [damage_every_checkpoint, damage_frozen_weights])
def test_without_an_intact_checkpoint_nothing_is_restarted_or_touched(
    spoil: Callable[[Path], None], run: Path
) -> None:
    spoil(run / "checkpoints")
    before = contents(run)
    with pytest.raises(CheckpointError, match="but none is") as error:
        fit(run)
    assert error.value.exit_code == 4
    for name in (NEWEST, BEFORE, OLDEST) if spoil is damage_every_checkpoint else ():
        assert f"{name}: weights.safetensors is damaged" in str(error.value)
    assert "Restore one from a copy, or start a new run" in str(error.value)
    assert contents(run) == before


def test_foreign_files_among_checkpoints_are_never_removed(run: Path) -> None:
    foreign = {
        "mine/notes.txt",
        "step-old/weights.bin",
        "step-00000004.copy/weights.bin",
        "frozen-2/weights.bin",
        "notes.txt",
    }
    for name in foreign:
        path = run / "checkpoints" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"my {name}")
    assert fit(run).is_finished
    for name in foreign:
        assert (run / "checkpoints" / name).read_text() == f"my {name}"


@pytest.mark.slow
def test_foreign_directory_named_like_a_checkpoint_is_set_aside_intact(run: Path) -> None:
    foreign = run / "checkpoints" / "step-00000099"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    assert fit(run).is_finished
    aside = run / "checkpoints" / "damaged-step-00000099-0" / "thesis.txt"
    assert aside.read_text() == "mine"


@pytest.mark.slow
def test_remains_of_a_run_without_checkpoints_have_no_effect(
    tmp_path: Path, whole: Any
) -> None:
    fit(tmp_path, max_epochs=1, seed=1)
    for path in (tmp_path / "checkpoints").iterdir():
        if path.name != "frozen":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert (tmp_path / "metrics.jsonl").read_text()
    assert list((tmp_path / "tensorboard").rglob("*tfevents*"))
    assert len(fit(tmp_path).history["loss"]) == EPOCHS
    assert_equal(state(tmp_path), whole())


def partly_frozen() -> keras.Model:
    layers = keras.layers
    frozen = layers.Dense(4, "tanh", trainable=False)
    model = keras.Sequential([keras.Input((5,)), frozen, layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


@pytest.mark.slow
def test_frozen_weights_left_by_a_killed_run_are_not_reused(
    tmp_path: Path,
) -> None:
    def weights(seed: int, *callbacks: Callback) -> list[Any]:
        trainer = Trainer(
            strategy=replicas(1),
            run_dir=tmp_path,
            seed=seed,
            max_epochs=1,
            callbacks=callbacks,
        )
        return weights_of(trainer.fit(partly_frozen, dataset()).model)

    weights(1)
    for path in (tmp_path / "checkpoints").glob("step-*"):
        shutil.rmtree(path)
    before = weights(2, Sender("on_train_step_end", 2))
    after = weights(2)
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])


@pytest.mark.slow
def test_interruptions_between_two_saves_leave_one_checkpoint(
    tmp_path: Path, whole: Any
) -> None:
    for step in (STEPS + 3, STEPS + 4):
        assert fit(tmp_path, Sender("on_train_step_end", step)).signal
    assert fit(tmp_path).is_finished
    assert_equal(state(tmp_path), whole())
