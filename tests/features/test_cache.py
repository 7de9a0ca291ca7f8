"""Training on cached features equals training through the backbone."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from damages import DAMAGES
from filelock import FileLock
from helpers import ALL_POLICIES, largest_difference, make_images, replicas, weights_of
from keraunos import (
    Augmentation,
    ConfigError,
    ImageData,
    Optimizer,
    Trainer,
    TransferClassifier,
)
from keraunos.callbacks import Callback
from keraunos.core.store import Store
from keraunos.features import FeatureCache
from keraunos.models import FrozenPart

SIZE, EPOCHS = 32, 3


def data_of(
    folder: Path,
    cache: Path,
    strength: float = 0.5,
    views: Any = 2,
    policies: dict[str, Any] | None = None,
    **options: Any,
) -> ImageData:
    return ImageData.from_folder(
        folder / "train",
        test=folder / "test",
        image_size=SIZE,
        batch_size=7,
        augmentation=Augmentation(strength=strength, views=views, **policies or {}),
        cache_dir=cache,
        **options,
    )


def module(**options: Any) -> TransferClassifier:
    defaults: dict[str, Any] = {
        "backbone": "MobileNetV2",
        "weights": None,
        "standardize_features": True,
    }
    return TransferClassifier(
        3,
        image_size=SIZE,
        optimizer=Optimizer("adam", learning_rate=0.01),
        **{**defaults, **options},
    )


def fit(data: ImageData, mode: str = "auto", count: int = 1, **options: Any) -> Any:
    trainer = Trainer(
        strategy=replicas(count),
        max_epochs=EPOCHS,
        feature_cache=mode,
        **{"callbacks": [], **options},
    )
    return trainer.fit(module(), data)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strength", "views", "policies", "balance", "count"),
    [
        pytest.param(0.5, 2, {}, "sampling", 1, id="tiny_mobilenet"),
        pytest.param(
            *(0.0, 2, ALL_POLICIES, "sampling", 2),
            marks=pytest.mark.nightly,
            id="tiny_mobilenet, all policies",
        ),
        pytest.param(0.5, 2, {}, "sampling", 1, marks=pytest.mark.nightly),
        pytest.param(0.3, 5, {}, "none", 2, marks=pytest.mark.nightly),
        pytest.param(0.0, "fresh", {}, "weights", 1, marks=pytest.mark.nightly),
    ],
)
def test_cached_training_equals_uncached(
    request: pytest.FixtureRequest,
    image_folder: Path,
    tmp_path: Path,
    float64: None,
    strength: float,
    views: Any,
    policies: dict[str, Any],
    balance: Any,
    count: int,
) -> None:
    if "tiny_mobilenet" in request.node.callspec.id:  # the whole network nightly
        request.getfixturevalue("tiny_mobilenet")

    def data() -> ImageData:
        return data_of(
            image_folder, tmp_path, strength, views, policies, class_balance=balance
        )

    cached, uncached = fit(data(), "on", count), fit(data(), "off", count)
    for name in ("loss", "accuracy", "val_loss", "val_balanced_accuracy"):
        np.testing.assert_allclose(
            cached.history[name], uncached.history[name], atol=1e-9, err_msg=name
        )
    # In norm: Adam turns the rounding of a gradient near zero into a whole step.
    for one, other in zip(
        weights_of(cached.model), weights_of(uncached.model), strict=True
    ):
        assert np.linalg.norm(one - other) <= 1e-9 * np.linalg.norm(other)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_mobilenet")
def test_cached_features_are_not_computed_again(
    image_folder: Path, tmp_path: Path, computed: list[int]
) -> None:
    first = fit(data_of(image_folder, tmp_path))
    # Originals to standardize; two versions to train on; the validation images.
    assert computed == [24, 24, 24, 6]
    again = fit(data_of(image_folder, tmp_path))
    assert computed[4:] == [0, 0, 0, 0]
    assert again.history["loss"] == first.history["loss"]
    fit(data_of(image_folder, tmp_path, views=3))
    assert computed[8:] == [0, 0, 0, 24, 0]  # one more version


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    ["a pixel", "strength", "policies", "seed", "a weight", "the backbone", "the size"],
)
def test_any_difference_misses_the_cache(change: str, tmp_path: Path) -> None:
    folder = make_images(tmp_path / "train", {"cat": 5, "dog": 4}, size=40)
    store = tmp_path / "cache"
    computed: list[int] = []

    def compute_features(
        strength: float = 0.5,
        seed: int = 0,
        size: int = SIZE,
        policies: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        data = ImageData.from_folder(
            folder,
            image_size=size,
            augmentation=Augmentation(strength=strength, views=1, **policies or {}),
            cache_dir=store,
            seed=seed,
        )
        cache = FeatureCache(network(size=size, **options), data.store, outputs)
        cache.features(data.train.view(0))
        computed.append(cache.computed)

    compute_features()
    compute_features()
    assert computed[0] > 0
    assert computed[1] == 0
    if change == "a pixel":
        make_images(tmp_path / "train", {"cat": 5, "dog": 4}, size=40, seed=1)
    compute_features(
        **{
            "a pixel": {},
            "strength": {"strength": 0.6},
            "policies": {"policies": {"color_jitter": 0.1}},
            "seed": {"seed": 1},
            "a weight": {"bias": 1e-6},
            "the backbone": {"name": "other"},
            "the size": {"size": SIZE + 1},
        }[change]
    )
    assert computed[2] > 0


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_folds_share_features_and_each_gets_those_of_its_images(
    tmp_path: Path, strength: float
) -> None:
    folder = make_images(tmp_path / "train", {"cat": 5, "dog": 4}, size=40)
    twin = folder / "cat" / "twin.png"
    twin.write_bytes((folder / "cat" / "cat-001.png").read_bytes())
    computed = []
    for fold in (1, 2, 3):
        data = ImageData.from_folder(
            folder,
            image_size=SIZE,
            cache_dir=tmp_path / "cache",
            augmentation=Augmentation(strength=strength, views=2),
            folds=3,
            fold=fold,
        )
        assert data.validation is not None
        cache = FeatureCache(network(), data.store, outputs)
        for images in (data.train.view(1), data.train.in_order, data.validation):
            found = cache.features(images)
            expected = np.concatenate(list(outputs(network().model, images, 0)))
            np.testing.assert_array_equal(found, expected)
            assert found.shape == expected.shape
            np.testing.assert_array_equal(found[np.array([1, 0])], expected[[1, 0]])
        computed.append(cache.computed)
    assert computed == [20 if strength else 10, 0, 0]


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_only_images_without_features_go_through_the_network(
    tmp_path: Path, strength: float
) -> None:
    folder = make_images(tmp_path / "train", {"cat": 5, "dog": 4}, size=40)
    twin = folder / "cat" / "twin.png"
    twin.write_bytes((folder / "cat" / "cat-001.png").read_bytes())
    data = ImageData.from_folder(
        folder,
        image_size=SIZE,
        validation_split=0.0,
        cache_dir=tmp_path / "cache",
        augmentation=Augmentation(strength=strength, views=2),
    )
    view, computed = data.train.view(1), []
    for places in ([0, 2], [7, 2, 9, 4], range(10), [9, 0], range(10)):
        images = view.only(np.array(places))
        cache = FeatureCache(network(), data.store, outputs)
        found = cache.features(images)
        expected = np.concatenate(list(outputs(network().model, images, 0)))
        np.testing.assert_array_equal(found, expected)
        computed.append(cache.computed)
    assert computed == [2, 3, 5, 0, 0]
    other = FeatureCache(network(bias=1e-6), data.store, outputs)
    other.features(view)
    assert other.computed == 10


@pytest.mark.nightly
def test_cached_features_are_used_on_a_full_disk(
    image_folder: Path, tmp_path: Path, computed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(data_of(image_folder, tmp_path))
    monkeypatch.setattr(Store, "fits", lambda store, key, size: False)
    fit(data_of(image_folder, tmp_path))
    assert computed[4:] == [0, 0, 0, 0]


def test_waiting_for_another_process_can_be_interrupted(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "train", {"cat": 5, "dog": 4}, size=40)
    data = ImageData.from_folder(folder, image_size=SIZE, cache_dir=tmp_path / "cache")
    other = FeatureCache(network(), data.store, outputs)
    locks = []

    def lock(key: str) -> Any:
        locks.append(FileLock(data.store.directory / f".{key}.lock", is_singleton=False))
        return locks[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(data.store, "lock", lock)
        other.features(data.train.in_order)
    locks[0].acquire()

    def stop() -> None:
        raise KeyboardInterrupt

    waiting = FeatureCache(network(), data.store, outputs, while_waiting=stop)
    with pytest.raises(KeyboardInterrupt):
        waiting.features(data.train.in_order)
    locks[0].release()
    assert len(waiting.features(data.train.in_order)) == data.train.num_examples


@pytest.mark.parametrize("damage", ["empty", "half", "flip", "delete"])
def test_damaged_features_are_computed_again(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_images(tmp_path / "train", {"cat": 5, "dog": 4}, size=40)
    data = ImageData.from_folder(folder, image_size=SIZE, cache_dir=tmp_path / "cache")

    def compute_features() -> Any:
        cache = FeatureCache(network(), data.store, outputs)
        features = np.array(cache.features(data.train.in_order))
        return features, cache.computed

    expected, _ = compute_features()
    (file,) = (tmp_path / "cache").glob("features-*")
    DAMAGES[damage](file)
    np.testing.assert_array_equal(compute_features()[0], expected)
    assert ("is damaged" in capsys.readouterr().err) == (damage != "delete")
    assert compute_features()[1] == 0


def network(name: str = "small", size: int = SIZE, bias: float = 0.0) -> FrozenPart:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((size, size, 3))
    maps = keras.layers.Conv2D(2, 3)(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(maps))
    model.layers[1].bias.assign([bias, 0.0])
    return FrozenPart(model, {"backbone": name})


def outputs(model: keras.Model, split: Any, start: int) -> Any:
    assert start == 0
    images, _, _ = split.prepare(split.arrays(split.draws(0)))
    yield np.asarray(model(images))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            lambda: {"strength": 0.5, "views": "fresh"},
            "draws new augmentations",
        ),
    ],
)
def test_uncacheable_data_is_reported_and_refused_if_caching_is_on(
    image_folder: Path, tmp_path: Path, build: Callable[[], Any], words: str
) -> None:
    data = data_of(image_folder, tmp_path, **build())
    described = Trainer(strategy=replicas(1)).describe(module(), data)
    assert any("not cached" in line and words in line for line in described)
    with pytest.raises(ConfigError, match=rf"feature_cache=on.*{words}"):
        fit(data, "on")


class Stop(Callback):
    """Sends a signal at the end of an epoch."""

    def on_epoch_end(self, run: Any) -> None:
        if run.epoch == 2:
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_mobilenet")
def test_run_on_cached_features_resumes_bit_identically(
    image_folder: Path, tmp_path: Path, computed: list[int]
) -> None:
    def run(name: str, *callbacks: Callback) -> Any:
        data = data_of(image_folder, tmp_path / "cache")
        return fit(data, "on", run_dir=tmp_path / name, callbacks=list(callbacks))

    whole = run("whole")
    assert run("cut", Stop()).signal == signal.SIGTERM
    resumed = run("cut")
    assert largest_difference(weights_of(resumed.model), weights_of(whole.model)) == 0
    assert resumed.history["val_loss"] == whole.history["val_loss"]
    assert sum(computed[4:]) == 0


@pytest.mark.nightly
def test_whole_model_is_checked_on_training_images_without_validation(
    image_folder: Path, tmp_path: Path
) -> None:
    data = ImageData.from_folder(
        image_folder / "train",
        image_size=SIZE,
        validation_split=0.0,
        augmentation=Augmentation(strength=0.5, views=2),
        cache_dir=tmp_path / "cache",
    )
    run_dir = tmp_path / "run"
    fit(data, "on", run_dir=run_dir, callbacks={"progress_bar": None, "tensorboard": None})
    assert (run_dir / "model.keras").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_mobilenet")
def test_the_whole_model_is_checked_against_its_head(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = FeatureCache.features

    def spoiled(self: FeatureCache, images: Any) -> Any:
        return original(self, images) + 0.5

    monkeypatch.setattr(FeatureCache, "features", spoiled)
    with pytest.raises(Exception, match="must return what its head returns"):
        fit(data_of(image_folder, tmp_path))
