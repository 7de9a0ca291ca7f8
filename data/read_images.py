"""From the settings to the splits of a run: listed, checked, divided, and cached."""

import os
from dataclasses import dataclass

from ..configs import DataConfig
from ..configs.choices import Policy, Task
from ..core.store import Store, open_store
from .augmentation import Augmentation
from .files.image_cache import ImageFiles, open_images
from .files.pixel_rules import PixelRules
from .image_split import ImageSplit
from .index.build_index import BuiltIndex, build_index
from .index.image_index import TEST, TRAIN, VALIDATION
from .training_split import TrainingSplit


@dataclass(frozen=True)
class ReadImages:
    """The images that a configuration names.

    Attributes:
        train: What to train on.
        validation: What to validate on, or None.
        test: What to test on, or None.
        built: The table of all of them, and what was left out.
        remarks: Lines on what was found.
        bit_depth: That of the configuration.
        on_leak: That of the configuration.
        store: Where what runs share is kept.
    """

    train: TrainingSplit
    validation: ImageSplit | None
    test: ImageSplit | None
    built: BuiltIndex
    remarks: tuple[str, ...]
    bit_depth: int | None
    on_leak: Policy
    store: Store


def read_images(
    config: DataConfig,
    augmentation: Augmentation,
    seed: int,
    cache_dir: str | os.PathLike[str] | None,
    task: Task = "classification",
) -> ReadImages:
    """Lists, checks and divides images, and decodes them where they are to be cached.

    Args:
        config: The section `data`.
        augmentation: How training images are varied.
        seed: Of split, order and augmentation.
        cache_dir: Folder of the cache; None for the default.
        task: What is to be predicted.

    Raises:
        ConfigError: `data.train` is missing, or the cache can't be used.
        DataError: A folder or its images would spoil a run; all faults are named.
    """
    store = open_store(cache_dir)
    built = build_index(config, seed, store, task)
    index = built.index
    rules = PixelRules.of(config.bit_depth, config.max_megapixels)
    files = ImageFiles(index.paths.tolist(), index.digests, config.image_size, rules)
    cache = "none" if (config.check, config.cache) == ("lazy", "auto") else config.cache
    load, remarks = open_images(files, cache, store)
    common = (load, config.image_size, config.batch_size, rules, store)

    def held_out(split: int, is_of_fold: bool = False) -> ImageSplit | None:
        images = ImageSplit(
            index,
            split,
            *common,
            seed=seed,
            augmentation=augmentation,
            is_of_fold=is_of_fold,
        )
        return images if images.num_examples else None

    has_folds = config.folds is not None

    train = TrainingSplit(
        index,
        TRAIN,
        *common,
        seed=seed,
        augmentation=augmentation,
        class_balance=config.class_balance,
        is_of_fold=has_folds,
    )
    return ReadImages(
        train,
        held_out(VALIDATION, has_folds),
        held_out(TEST),
        built,
        (*built.remarks, *remarks),
        config.bit_depth,
        config.on_leak,
        store,
    )
